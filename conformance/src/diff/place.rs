//! One side: an implementation in a place that is laid out as the other side's is.
//!
//! What must stay true: what a run leaves behind is taken away before the next, so that an input shows
//! the same whenever it is run.

use std::ffi::OsStr;
use std::fs;
use std::io::{Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use super::input::{Flag, Input, Named, What};
use super::observed::Observed;
use crate::facts::{escaped, identity};
use crate::property::Word;
use crate::setup::Setup;
use crate::suite::Suite;
use crate::verdict::Verdict;

/// A variable that the host has, for entries without a value; no side has another.
pub(super) const HOST: (&str, &str) = ("HOST_ONE", "one");

/// The script that prints its arguments.
pub(super) const SCRIPT: &str = "#!/bin/sh\nfor word; do printf '[%s]' \"$word\"; done\nexit 3\n";
/// The one whose interpreter isn't there.
pub(super) const UNINTERPRETED: &str = "#!/no/such/interpreter\n";
/// What is no program.
pub(super) const TEXT: &str = "echo ran\n";

/// One implementation, and where it runs.
#[derive(Debug)]
pub(super) struct Side<'a> {
    pub(super) suite: Suite<'a>,
}

impl<'a> Side<'a> {
    /// Lays a place out for an implementation; it runs in the other's layout, where it can.
    pub(super) fn new(setup: &'a Setup, other: &Setup) -> Verdict<Self> {
        let layout = match setup.adapter().layout_flag {
            Some(_) => other.adapter().layout,
            None => setup.adapter().layout,
        };
        let suite = Suite::new(setup, layout, None)?;
        let probe = fs::read(suite.probe())?;
        for named in [Named::Relative, Named::Odd] {
            let path = |file| suite.path("cwd").join(OsStr::from_bytes(&named.name(file)));
            let files: [(&str, &[u8], u32); 6] = [
                ("probe", &probe, 0o755),
                ("plain", &probe, 0o644),
                ("script", SCRIPT.as_bytes(), 0o755),
                ("uninterpreted", UNINTERPRETED.as_bytes(), 0o755),
                ("text", TEXT.as_bytes(), 0o755),
                ("empty", b"", 0o755),
            ];
            for (file, content, mode) in files {
                fs::write(path(file), content)?;
                fs::set_permissions(path(file), fs::Permissions::from_mode(mode))?;
            }
            fs::create_dir(path("folder"))?;
        }
        Ok(Self { suite })
    }

    /// The words of an input; an absolute path begins with `root`.
    pub(super) fn words(&self, input: &Input, root: &[u8]) -> Vec<Word> {
        let pair = |flag: &str, value: &Word| vec![Word::from(flag), value.clone()];
        let layout = self.suite.setup().adapter().layout_flag.as_deref().unwrap_or("--fd-layout");
        let flags = input.flags.iter().flat_map(|flag| match flag {
            Flag::Env(value) => pair("--env", value),
            Flag::Grant(value) => pair("--with-fd", value),
            Flag::Layout(value) => pair(layout, value),
            Flag::Ipfs(value) => pair("--ipfs", value),
            Flag::Word(word) => vec![word.clone()],
        });
        let (file, verb) = input.program.what.file();
        let name = input.program.named.name(file);
        let path = match (input.program.what, input.program.named) {
            (What::Absent, _) => None,
            (What::EmptyPath, _) => Some(vec![]),
            (_, Named::Absolute) => Some([root, b"/", &name].concat()),
            (_, Named::Relative | Named::Odd) => Some([b"./", &name[..]].concat()),
            (_, Named::Bare) => Some(name),
        };
        flags.chain(path.map(Word)).chain(verb).chain(input.args.iter().cloned()).collect()
    }

    /// Runs an input and takes down what was to be seen.
    pub(super) fn observe(&self, input: &Input) -> Verdict<Observed> {
        let suite = &self.suite;
        let cwd = suite.path("cwd");
        let mut run = suite.ww().env(HOST.0, HOST.1).flags(self.words(input, cwd.as_os_str().as_bytes()));
        run = input.ww_env.iter().fold(run, |run, text| run.env("WW_ENV", text));
        run = input.closed.iter().fold(run, |run, number| run.close(*number));
        run = input.ignored.iter().fold(run, |run, signal| run.ignoring(*signal));
        run = input.umask.iter().fold(run, |run, mask| run.umask(*mask));
        let mut files = Vec::new();
        for number in &input.open {
            let mut file = suite.file(&format!("f{number}"), "x")?;
            // By its offset one that was opened anew is told from the caller's own.
            file.seek(SeekFrom::Start(u64::from(number.unsigned_abs()) + 7))?;
            files.push((identity(&file)?, format!("f{number}")));
            run = run.place(*number, &file);
        }
        let ended = run.run()?;
        for path in &ended.files {
            // A folder goes with what is in it, which may come first.
            fs::remove_file(path).or_else(|_| fs::remove_dir_all(path)).ok();
        }
        Ok(Observed::of(&ended, &files, |text| self.anywhere(text)))
    }

    /// A text without the paths that this side alone has.
    fn anywhere(&self, text: &str) -> String {
        let own = |path: &std::path::Path| escaped(path.as_os_str().as_bytes());
        let cells = own(self.suite.setup().cells());
        text.replace(&own(&self.suite.path("cwd")), "{cwd}")
            .replace(&own(self.suite.path("").as_path()), "{case}/")
            .replace(&cells, "{cells}")
    }
}
