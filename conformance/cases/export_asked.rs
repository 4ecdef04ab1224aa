//! `ww export` as it is asked: several PATHs, `--wrap`, `--exclude`, `--only-hash`, `--car`.

use std::fs;
use std::path::PathBuf;

use crate::cases::export::{at, bytes, export, one, printed, store, tree, word};
use crate::cases::ipfs::nobody;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_21_each_path_has_its_line),
    case!(store_21_wrapped_they_are_one_directory),
    case!(store_22_what_matches_is_left_out),
    case!(store_22_an_ill_formed_pattern_is_a_usage_error),
    case!(store_23_only_hash_keeps_nothing),
    case!(store_23_a_car_has_the_root_and_all_below_it),
    case!(store_23_a_failed_export_leaves_the_car_that_was_there),
];

fn store_21_each_path_has_its_line(suite: &Suite<'_>) -> Verdict {
    let (one_file, other) = (at(suite, "one"), at(suite, "other"));
    fs::write(&one_file, "1")?;
    fs::write(&other, "2")?;
    let alone = [one(export(suite).flags([word(&one_file)]))?, one(export(suite).flags([word(&other)]))?];
    let run = export(suite).flags([word(&one_file), word(&other), word(&one_file)]);
    let ended = run.run()?;
    let wanted = vec![alone[0].clone(), alone[1].clone(), alone[0].clone()];
    ended.same("the lines", printed(&ended)?, wanted)?;
    let piped = export(suite).flags(["-"]).place(0, &fs::File::open(&other)?);
    same("standard input", one(piped)?, alone[1].clone())
}

fn store_21_wrapped_they_are_one_directory(suite: &Suite<'_>) -> Verdict {
    let top = at(suite, "top");
    fs::create_dir_all(top.join("dir"))?;
    fs::write(top.join("file"), "1")?;
    fs::write(top.join("dir/below"), "2")?;
    let whole = one(export(suite).flags([word(&top)]))?;
    let run = export(suite).flags(["--wrap"]).flags([word(&top.join("file")), word(&top.join("dir"))]);
    same("the two in one directory", one(run)?, whole.clone())?;
    let run = export(suite).flags(["--wrap", "file", "dir/"]).cwd(&top);
    same("as they are named", one(run)?, whole)?;
    // Two of one name can't be in one directory.
    fs::write(top.join("dir/file"), "3")?;
    let run = export(suite).flags(["--wrap", "file", "dir/file"]).cwd(&top).run()?;
    run.exits(1)?.nothing_ran()?;
    run.holds("it names the file", run.first_line().contains("dir/file")).map(drop)
}

fn store_22_what_matches_is_left_out(suite: &Suite<'_>) -> Verdict {
    let made = |name: &str, files: &[&str]| -> Verdict<PathBuf> {
        let top = at(suite, name);
        for file in files {
            let path = top.join(file);
            fs::create_dir_all(path.parent().unwrap_or(&top))?;
            fs::write(path, file.as_bytes())?;
        }
        Ok(top)
    };
    let all = ["a.o", "a.c", "sub/b.o", "sub/c.d", "sub/target", "target/x", "x/target/y", "docs/m.md", "docs/in/n.md"];
    let top = made("all", &all)?;
    for (number, (patterns, left)) in [
        (&["*.o"][..], &["a.c", "sub/c.d", "sub/target", "target/x", "x/target/y", "docs/m.md", "docs/in/n.md"][..]),
        (&["/target", "x"], &["a.o", "a.c", "sub/b.o", "sub/c.d", "sub/target", "docs/m.md", "docs/in/n.md"]),
        (&["docs/*.md"], &["a.o", "a.c", "sub/b.o", "sub/c.d", "sub/target", "target/x", "x/target/y", "docs/in/n.md"]),
        (&["?.[a-c]", "docs"], &["a.o", "sub/b.o", "sub/c.d", "sub/target", "target/x", "x/target/y"]),
    ]
    .into_iter()
    .enumerate()
    {
        let wanted = one(export(suite).flags([word(&made(&format!("left-{number}"), left)?)]))?;
        let mut run = export(suite);
        for pattern in patterns {
            run = run.flags(["--exclude", pattern]);
        }
        same(format!("without {patterns:?}"), one(run.flags([word(&top)]))?, wanted)?;
    }
    // One for directories leaves files of that name.
    let wanted = made("no-directories", &all)?;
    fs::remove_dir_all(wanted.join("target"))?;
    fs::remove_dir_all(wanted.join("x/target"))?;
    let got = one(export(suite).flags(["--exclude", "target/"]).flags([word(&top)]))?;
    same("without \"target/\"", got, one(export(suite).flags([word(&wanted)]))?)
}

fn store_22_an_ill_formed_pattern_is_a_usage_error(suite: &Suite<'_>) -> Verdict {
    let top = tree(suite, "tree")?;
    for pattern in ["[a", ""] {
        let run = export(suite).flags(["--exclude", pattern]).flags([word(&top)]).run()?;
        run.exits(2)?.nothing_ran()?;
        run.holds("it names the flag", run.first_line().contains("--exclude"))?;
    }
    Ok(())
}

fn store_23_only_hash_keeps_nothing(suite: &Suite<'_>) -> Verdict {
    let script = suite.program("script", "#!/bin/sh\necho ran $1\n")?;
    let endpoint = nobody()?;
    // No daemon is asked, so that one that doesn't answer is no error.
    let hashed =
        one(store(suite, suite.tool("export")).flags(["--only-hash", "--ipfs", &endpoint]).flags([word(&script)]))?;
    let run = || store(suite, suite.ww()).flags(["--ipfs", &endpoint]).binary(&hashed, ["x"]).run();
    run()?.refuses(1, "failed to get IPFS path", &hashed)?;
    same("what it is", one(export(suite).flags([word(&script)]))?, hashed.clone())?;
    run()?.exits(0).map(drop)
}

fn store_23_a_car_has_the_root_and_all_below_it(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let top = tree(suite, "tree")?;
    fs::write(top.join("large"), bytes(3 << 20))?;
    fs::write(top.join("sub/the-same"), bytes(3 << 20))?;
    let car = at(suite, "out.car");
    let run = store(suite, suite.tool("export")).flags(["--car"]).flags([word(&car), word(&top)]);
    let path = one(run)?;
    // What the node makes of the same content is the same, byte for byte.
    let sent = store(suite, suite.tool("export")).flags(["--ipfs", &node.endpoint()]).flags([word(&top)]);
    same("its path", one(sent)?, path.clone())?;
    let wanted = node.car(path.trim_start_matches("/ipfs/"), 16 << 20)?;
    holds("the CAR is the node's", fs::read(&car)? == wanted, fs::metadata(&car)?.len())
}

fn store_23_a_failed_export_leaves_the_car_that_was_there(suite: &Suite<'_>) -> Verdict {
    let (car, gone) = (at(suite, "out.car"), at(suite, "gone"));
    fs::write(&car, "mine")?;
    let count = || fs::read_dir(suite.path("files")).map(Iterator::count);
    let before = count()?;
    let run = store(suite, suite.tool("export")).flags(["--car"]).flags([word(&car), word(&gone)]).run()?;
    run.exits(1)?.nothing_ran()?;
    same("the CAR", fs::read(&car)?, b"mine".to_vec())?;
    same("the files beside it", count()?, before)
}
