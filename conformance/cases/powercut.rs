//! Commands that are killed at any moment, with all that they started: what was reported as done is there, and whole.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::cases::export::{at, bytes, export, one, store, word};
use crate::invocation::Invocation;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_59_what_was_printed_is_there),
    case!(store_59_a_target_is_whole),
    case!(store_59_a_store_stays_clean),
];

/// How many moments each case has.
const MOMENTS: u64 = 24;

/// Starts a command, kills it some time later, and gives what it printed in whole lines.
fn killed(run: Invocation<'_>, after: Duration) -> Verdict<Vec<String>> {
    let run = run.may_leave_files().start()?;
    // No synchronisation: the moments are what is drawn.
    std::thread::sleep(after);
    run.signal(Signal::SIGKILL);
    let told = String::from_utf8_lossy(&run.finish()?.stdout).into_owned();
    Ok(told.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect())
}

/// A file of a few blocks that no other number's has.
fn file(suite: &Suite<'_>, number: u64) -> Verdict<(PathBuf, Vec<u8>)> {
    let path = at(suite, &format!("made-{number}"));
    let content = [number.to_string().into_bytes(), bytes(2_500_000)].concat();
    fs::write(&path, &content)?;
    Ok((path, content))
}

fn is_clean(suite: &Suite<'_>) -> Verdict {
    store(suite, suite.tool("store")).flags(["verify"]).run()?.exits(0)?;
    Ok(())
}

/// What is at a path, out of the store alone.
fn imported(suite: &Suite<'_>, path: &str) -> Verdict<Vec<u8>> {
    let to = at(suite, "there");
    let import = store(suite, suite.tool("import")).flags(["--offline", "--force"]).may_leave_files();
    import.flags([path.as_bytes(), word(&to)]).run()?.exits(0)?;
    Ok(fs::read(to)?)
}

fn store_59_what_was_printed_is_there(suite: &Suite<'_>) -> Verdict {
    let ((first, content), began) = (file(suite, 1000)?, Instant::now());
    let mut done = vec![(one(export(suite).flags([word(&first)]))?, content)];
    // Two of them take twice as long, and some moments come after both.
    let each = began.elapsed() * 5 / 2 / MOMENTS as u32;
    for moment in 0..MOMENTS {
        let made = [file(suite, 2 * moment)?, file(suite, 2 * moment + 1)?];
        let run = export(suite).flags(made.iter().map(|(path, _)| word(path)));
        for (line, (path, content)) in killed(run, each * moment as u32)?.into_iter().zip(made) {
            fs::remove_file(path)?;
            done.push((line, content));
        }
        if moment % 8 == 7 {
            is_clean(suite)?;
            for (path, content) in &done {
                holds("what was printed is there as it was", imported(suite, path)? == *content, path)?;
            }
        }
    }
    Ok(())
}

fn store_59_a_target_is_whole(suite: &Suite<'_>) -> Verdict {
    let (to, mut all) = (at(suite, "target"), Vec::new());
    for number in 0..2 {
        let (path, content) = file(suite, number)?;
        all.push((one(export(suite).flags([word(&path)]))?, content));
    }
    let import = |path: &str| {
        let import = store(suite, suite.tool("import")).flags(["--offline", "--force"]);
        import.may_leave_files().flags([path.as_bytes(), word(&to)])
    };
    // One is there from the beginning, and the others are killed while they replace it, or when they have.
    let began = Instant::now();
    import(&all[0].0).run()?.exits(0)?;
    let each = began.elapsed() * 3 / 2 / MOMENTS as u32;
    for moment in 0..MOMENTS {
        killed(import(&all[usize::from(moment % 2 == 0)].0), each * moment as u32)?;
        let found = fs::read(&to)?;
        let whole = all.iter().any(|(_, content)| *content == found);
        holds("what is there is what was there, or what was to be", whole, format!("{} bytes", found.len()))?;
    }
    Ok(())
}

fn store_59_a_store_stays_clean(suite: &Suite<'_>) -> Verdict {
    let (kept, content) = file(suite, 0)?;
    let kept = one(export(suite).flags([word(&kept)]))?;
    for moment in 0..MOMENTS {
        let (gone, _) = file(suite, moment + 1)?;
        let line = one(export(suite).flags([word(&gone)]))?;
        fs::remove_file(gone)?;
        let removed = store(suite, suite.tool("store")).flags(["rm", line.trim_start_matches("/ipfs/")]);
        removed.may_leave_files().run()?.exits(0)?;
        killed(store(suite, suite.tool("store")).flags(["gc"]), Duration::from_millis(moment * 3))?;
        is_clean(suite)?;
    }
    same("what wasn't removed", imported(suite, &kept)? == content, true)
}
