//! Landlock, by what nothing else of a jail would refuse: doors to the host's tree that a cell holds open.

use std::fs::{self, File};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::adapter::Caller;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(jail_05_a_directory_as_stdin_opens_nothing),
    case!(jail_05_a_path_descriptor_leads_to_its_tree_alone),
    case!(jail_05_a_descriptor_cant_be_opened_again_for_more),
];

/// Who calls: whoever runs the suite, and an ordinary user, who may do all of it outside of a cell.
const CALLERS: [Caller; 2] = [Caller::Current, Caller::Ordinary];

/// Stops where the kernel has no Landlock to be under.
fn landlocked() -> Verdict {
    match crate::sys::landlock() > 0 {
        true => Ok(()),
        false => Err(Stop::NotVerifiable("this kernel has no Landlock, or it is switched off".into())),
    }
}

/// The files `granted/inner/file` and `secret`, which all may read.
fn tree(suite: &Suite<'_>) -> Verdict<std::path::PathBuf> {
    let path = suite.path("files").join("granted");
    fs::create_dir_all(path.join("inner"))?;
    fs::write(path.join("inner/file"), "within")?;
    fs::write(suite.path("files").join("secret"), "above")?;
    Ok(path)
}

fn jail_05_a_directory_as_stdin_opens_nothing(suite: &Suite<'_>) -> Verdict {
    landlocked()?;
    let directory = File::open(tree(suite)?)?;
    for caller in CALLERS {
        for path in ["../secret", "inner/../../secret", "inner/file"] {
            let run = suite.ww().by(caller).place(0, &directory).probe(["open-at", "0", path]).run()?;
            // A host may refuse such a stream instead (JAIL-23).
            if matches!(run.report.code, Some(1 | 2)) {
                run.nothing_ran()?;
                suite.notes().refused();
                continue;
            }
            let opened = run.deed()?;
            run.holds(format!("{path} can't be opened from standard input: {opened:?}"), opened.is_err())?;
        }
    }
    Ok(())
}

fn jail_05_a_path_descriptor_leads_to_its_tree_alone(suite: &Suite<'_>) -> Verdict {
    landlocked()?;
    let directory = open(&tree(suite)?, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let number = suite.layout().grant(1).to_string();
    for caller in CALLERS {
        let ask = |verb: &str, path: &str| {
            let run = suite.ww().by(caller).grant("d", 9).place(9, &directory);
            run.probe([verb, &number, path]).run()?.deed()
        };
        same("a file in the granted tree", ask("open-at", "inner/file")?, Ok("within".into()))?;
        for path in ["../secret", "inner/../../secret"] {
            let opened = ask("open-at", path)?;
            holds(format!("{path} can't be read from the grant"), opened.is_err(), opened)?;
        }
        let made = ask("create-at", "inner/new")?;
        holds("nothing can be made in the grant", made.is_err(), made)?;
    }
    Ok(())
}

fn jail_05_a_descriptor_cant_be_opened_again_for_more(suite: &Suite<'_>) -> Verdict {
    landlocked()?;
    let path = suite.path("files").join("log");
    fs::write(&path, "what others wrote")?;
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    let again = format!("/proc/self/fd/{}", suite.layout().grant(1));
    let (read, write) = (File::open(&path)?, File::options().append(true).open(&path)?);
    for caller in CALLERS {
        let run = |file: &File| suite.ww().by(caller).grant("log", 9).place(9, file);
        let opened = run(&write).probe(["read", &again]).run()?.deed()?;
        holds("what was granted for writing can't be read", opened.is_err(), opened)?;
        let opened = run(&read).probe(["open-to-write", &again]).run()?.deed()?;
        holds("what was granted for reading can't be written", opened.is_err(), opened)?;
        let text = run(&read).probe(["read", &again]).run()?.deed()?;
        same("what was granted for reading", text, Ok("what others wrote".into()))?;
    }
    Ok(())
}
