//! The script that runs a case's commands again without the suite.

use std::fmt::Write as _;
use std::path::Path;

use super::Bundle;
use crate::record::{Record, Target};
use crate::shell::{limits, quoted, redirection, signals};
use crate::suite::Suite;
use crate::verdict::Stop;

/// Paths of the case's own that are elsewhere when the script runs, each with what stands for it.
struct Places<'a>(Vec<(&'a Path, &'static str)>);

impl Places<'_> {
    /// A word for the script, with the places replaced.
    fn word(&self, word: &[u8]) -> String {
        for (path, variable) in &self.0 {
            let name = path.as_os_str().as_encoded_bytes();
            if let Some(at) = word.windows(name.len()).position(|part| part == name) {
                let (before, after) = (&word[..at], &word[at + name.len()..]);
                let quoted = |part: &[u8]| if part.is_empty() { String::new() } else { self.word(part) };
                return format!("{}{variable}{}", quoted(before), quoted(after));
            }
        }
        quoted(word)
    }
}

pub(super) fn script(bundle: &Bundle, suite: &Suite<'_>) -> String {
    let program = bundle.adapter.command.first().map_or("", String::as_str);
    let places = Places(vec![
        (suite.scratch(), "\"$work\""),
        (suite.setup().cells(), "\"$here/cells\""),
        (Path::new(program), "\"$ww\""),
    ]);
    let runs: Vec<&Record> = bundle.commands.iter().filter(|record| record.judged).collect();
    let Stop::Fail(text) = &bundle.stop else { return String::new() };
    let mut script = format!(
        "#!/usr/bin/env bash\n\
         # What the case {} ({}) ran, without the suite.\n\
         #\n\
         #   repro.sh [N]           runs the Nth command of {}; without N the last, at which the case failed\n\
         #   WW=PROGRAM repro.sh    with another program\n\
         #\n",
        bundle.case,
        bundle.layout.name(),
        runs.len()
    );
    for line in text.lines() {
        let _ = writeln!(script, "# {}", line.trim_end());
    }
    let _ = write!(
        script,
        "set -u\n\
         here=$(cd -- \"$(dirname -- \"${{BASH_SOURCE[0]}}\")\" && pwd)\n\
         ww=${{WW:-{}}}\n\
         work=$(mktemp -d)\n\
         trap 'rm -rf \"$work\"' EXIT\n\
         cp -a \"$here/files/.\" \"$work/\"\n\
         chmod 755 \"$work\"\n",
        quoted(program.as_bytes())
    );
    if !bundle.cids.is_empty() {
        script += "# The content that it names is in cars/: `ipfs dag import cars/*.car` gives it to a node, whose\n\
                   # endpoint then belongs in the place of the suite's own in the lines below.\n";
    }
    for (at, record) in runs.iter().enumerate() {
        script += &run(at + 1, record, &places);
    }
    let _ = write!(
        script,
        "\nrun=\"run_${{1:-{}}}\"\n\
         declare -F \"$run\" >/dev/null || {{ echo \"repro.sh: there is no command ${{1-}}\" >&2; exit 2; }}\n\
         (\"$run\")\n\
         echo \"exit code: $?\" >&2\n",
        runs.len()
    );
    script
}

/// One command as a function.
fn run(number: usize, record: &Record, places: &Places<'_>) -> String {
    let plan = &record.plan;
    let mut text = format!("\nrun_{number}() {{\n");
    for note in notes(record) {
        let _ = writeln!(text, "    # {note}");
    }
    if let Some(cwd) = &plan.cwd {
        let _ = writeln!(text, "    cd -- {} || return", places.word(cwd.as_os_str().as_encoded_bytes()));
    }
    let _ = writeln!(text, "    umask {:03o}", plan.umask);
    let mut words: Vec<String> = vec!["env".into(), "-i".into()];
    words.extend(signals(plan));
    words.extend(plan.env.iter().map(|entry| places.word(entry)));
    if let Some(user) = &plan.user {
        let groups: Vec<String> = user.groups.iter().map(ToString::to_string).collect();
        let groups = if groups.is_empty() { "--clear-groups".into() } else { format!("--groups={}", groups.join(",")) };
        words.push(format!("setpriv --reuid={} --regid={} {groups} --", user.uid, user.gid));
    }
    words.extend(limits(plan));
    if record.end.as_ref().is_some_and(|end| end.overdue) {
        words.push(format!("timeout --foreground --signal=KILL {}s", plan.deadline_ms.div_ceil(1000)));
    }
    words.extend(plan.argv.iter().map(|word| places.word(word)));
    words.extend(
        record.placed.iter().filter_map(|placed| redirection(placed.number, &placed.to, |word| places.word(word))),
    );
    for number in (0..3).filter(|number| record.placed.iter().all(|placed| placed.number != *number)) {
        words.push(format!("{number}>&-"));
    }
    let _ = writeln!(text, "    {}\n}}", words.join(" \\\n        "));
    text
}

/// What the script can't do as the case did.
fn notes(record: &Record) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(end) = &record.end {
        let how = match (end.code, end.signal) {
            _ if end.overdue => "was killed by the watchdog".to_owned(),
            (Some(code), _) => format!("exited with {code}"),
            (_, signal) => format!("was ended by signal {}", signal.unwrap_or(0)),
        };
        notes.push(format!("In the case it {how}."));
    }
    for placed in &record.placed {
        match &placed.to {
            Target::Terminal => notes.push(format!("Descriptor {} was a pseudo terminal.", placed.number)),
            Target::Other(what) => notes.push(format!("Descriptor {} was {what} of the case's own.", placed.number)),
            Target::File { offset, .. } if *offset != 0 => {
                notes.push(format!("Descriptor {} stood at byte {offset}.", placed.number));
            }
            _ => {}
        }
    }
    if !record.plan.refused.is_empty() {
        let numbers: Vec<String> = record.plan.refused.iter().map(|call| call.number.to_string()).collect();
        notes.push(format!("A seccomp filter refused the system calls {}.", numbers.join(", ")));
    }
    if let Some(tmpfs) = &record.plan.tmpfs {
        notes.push(format!("{} was a small file system of its own.", tmpfs.at.display()));
    }
    notes
}
