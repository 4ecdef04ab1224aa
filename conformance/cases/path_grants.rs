//! `--ro`, `--rw` and `--workdir`: what they show, and what lies beyond them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, statfs};
use serde_json::{Value, json};

use crate::adapter::Caller;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, fail, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(limit_02_a_directory_is_shown_where_it_lies),
    case!(limit_02_a_file_is_shown_alone_at_another_place),
    case!(limit_02_what_is_for_reading_cant_be_written),
    case!(limit_02_a_program_in_it_can_be_executed),
    case!(limit_03_what_is_written_is_the_hosts),
    case!(limit_03_a_file_for_writing_is_the_same_file),
    case!(limit_04_links_lead_nowhere_else),
    case!(limit_04_a_link_of_the_callers_is_followed_once),
    case!(limit_05_the_cell_starts_in_a_granted_directory),
    case!(limit_26_grants_are_mounted_nosuid_and_nodev),
    case!(limit_27_roots_cell_may_what_the_owner_may),
    case!(limit_28_the_hosts_mounts_are_out_of_sight),
];

/// Whoever runs the suite, and an ordinary user.
const CALLERS: [Caller; 2] = [Caller::Current, Caller::Ordinary];

/// A new directory `name` that all may write to, with `inner/file` in it, and beside it a file `secret`.
fn tree(suite: &Suite<'_>, name: &str) -> Verdict<PathBuf> {
    let path = suite.path("files").join(name);
    fs::create_dir(&path)?;
    fs::create_dir(path.join("inner"))?;
    fs::write(path.join("inner/file"), "within")?;
    fs::write(suite.path("files").join("secret"), "above")?;
    for (below, mode) in [("", 0o777), ("inner", 0o777), ("inner/file", 0o666)] {
        fs::set_permissions(path.join(below), fs::Permissions::from_mode(mode))?;
    }
    Ok(path)
}

fn shown_at(path: &Path, at: &str) -> String {
    format!("{}:{at}", path.display())
}

/// What came of one deed of the probe in a cell with a grant.
fn deed(suite: &Suite<'_>, caller: Caller, grant: [&str; 2], words: &[&str]) -> Verdict<Result<Value, i32>> {
    suite.ww().by(caller).flags(grant).probe(words).run()?.deed()
}

fn limit_02_a_directory_is_shown_where_it_lies(suite: &Suite<'_>) -> Verdict {
    let path = tree(suite, "granted")?;
    let at = path.display().to_string();
    for caller in CALLERS {
        let ask = |verb, below| deed(suite, caller, ["--ro", &at], &[verb, &format!("{at}{below}")]);
        same("its names", ask("list", "")?, Ok(json!(["inner"])))?;
        same("a file in it", ask("read", "/inner/file")?, Ok("within".into()))?;
        let beside = deed(suite, caller, ["--ro", &at], &["read", &format!("{at}/../secret")])?;
        holds("what lies beside it can't be read", beside.is_err(), beside)?;
        let run = suite.ww().by(caller).cwd(suite.path("files")).flags(["--ro", "./granted"]);
        let run = run.probe(["read", &format!("{at}/inner/file")]).run()?;
        run.same("a file of a grant by its relative path", run.deed()?, Ok("within".into()))?;
    }
    let without = suite.ww().probe(["list", &at]).run()?.deed()?;
    holds("without a grant it isn't there", without.is_err(), without)
}

fn limit_02_a_file_is_shown_alone_at_another_place(suite: &Suite<'_>) -> Verdict {
    let path = tree(suite, "granted")?.join("inner/file");
    for (caller, at) in CALLERS.iter().flat_map(|caller| [(*caller, "/given/deep/name"), (*caller, "/work/name")]) {
        let grant = shown_at(&path, at);
        same(at, deed(suite, caller, ["--ro", &grant], &["read", at])?, Ok("within".into()))?;
        let folder = at.trim_end_matches("/name");
        same(folder, deed(suite, caller, ["--ro", &grant], &["list", folder])?, Ok(json!(["name"])))?;
        let own = path.display().to_string();
        let own = deed(suite, caller, ["--ro", &grant], &["read", &own])?;
        holds("it isn't shown where it lies, too", own.is_err(), own)?;
    }
    Ok(())
}

fn limit_02_what_is_for_reading_cant_be_written(suite: &Suite<'_>) -> Verdict {
    let path = tree(suite, "granted")?;
    let grant = shown_at(&path, "/given");
    let deeds: [&[&str]; 7] = [
        &["write", "/given/new", "x"],
        &["write", "/given/inner/file", "x"],
        &["open-to-write", "/given/inner/file"],
        &["rename", "/given/inner/file", "/given/file"],
        &["link", "/given/inner/file", "/given/inner/more"],
        &["make-directory", "/given/inner/directory"],
        &["remove", "/given/inner/file"],
    ];
    for (caller, words) in CALLERS.iter().flat_map(|caller| deeds.map(|words| (*caller, words))) {
        let done = deed(suite, caller, ["--ro", &grant], words)?;
        holds(format!("{words:?} is refused"), done.is_err(), done)?;
    }
    same("the file", fs::read_to_string(path.join("inner/file"))?, "within".to_owned())?;
    same("entries of the directory", fs::read_dir(&path)?.count(), 1)?;
    same("entries of the one within", fs::read_dir(path.join("inner"))?.count(), 1)
}

fn limit_02_a_program_in_it_can_be_executed(suite: &Suite<'_>) -> Verdict {
    let path = tree(suite, "granted")?;
    suite.probe_at(path.join("probe"))?;
    let grant = shown_at(&path, "/given");
    for caller in CALLERS {
        let run = suite.ww().by(caller).flags(["--ro", &grant]);
        run.probe(["exec", "/given/probe", "print", "executed"]).run()?.prints("executed")?;
    }
    Ok(())
}

fn limit_03_what_is_written_is_the_hosts(suite: &Suite<'_>) -> Verdict {
    for (caller, name) in CALLERS.into_iter().zip(["one", "other"]) {
        let path = tree(suite, name)?;
        let grant = shown_at(&path, "/home/cell/given");
        let does = |words: &[&str]| {
            let done = deed(suite, caller, ["--rw", &grant], words)?;
            same(format!("{words:?}"), done, Ok(json!(true)))
        };
        does(&["write", "/home/cell/given/new", "made"])?;
        same("a file that the cell made", fs::read_to_string(path.join("new"))?, "made".to_owned())?;
        does(&["write", "/home/cell/given/inner/file", "changed"])?;
        same("a file that it changed", fs::read_to_string(path.join("inner/file"))?, "changed".to_owned())?;
        does(&["rename", "/home/cell/given/new", "/home/cell/given/inner/new"])?;
        does(&["link", "/home/cell/given/inner/new", "/home/cell/given/linked"])?;
        same("a file that it moved and linked", fs::metadata(path.join("inner/new"))?.nlink(), 2)?;
        does(&["make-directory", "/home/cell/given/directory"])?;
        holds("a directory that it made is there", path.join("directory").is_dir(), &path)?;
        does(&["remove", "/home/cell/given/linked"])?;
        holds("a file that it removed is gone", !path.join("linked").exists(), &path)?;
    }
    Ok(())
}

fn limit_03_a_file_for_writing_is_the_same_file(suite: &Suite<'_>) -> Verdict {
    for (caller, name) in CALLERS.into_iter().zip(["one", "other"]) {
        let path = tree(suite, name)?.join("inner/file");
        let before = fs::metadata(&path)?.ino();
        let done = deed(suite, caller, ["--rw", &shown_at(&path, "/given")], &["write", "/given", "changed"])?;
        same("writing to a granted file", done, Ok(json!(true)))?;
        same("the file", fs::read_to_string(&path)?, "changed".to_owned())?;
        same("its inode", fs::metadata(&path)?.ino(), before)?;
    }
    Ok(())
}

fn limit_04_links_lead_nowhere_else(suite: &Suite<'_>) -> Verdict {
    let path = tree(suite, "granted")?;
    let secret = suite.path("files").join("secret");
    symlink("../secret", path.join("beside"))?;
    symlink(&secret, path.join("absolute"))?;
    symlink("..", path.join("up"))?;
    symlink(suite.path("files"), path.join("inner/away"))?;
    symlink("inner/file", path.join("within"))?;
    for (caller, flag) in CALLERS.iter().flat_map(|caller| [(*caller, "--ro"), (*caller, "--rw")]) {
        let grant = shown_at(&path, "/given");
        for below in ["beside", "absolute", "up/secret", "inner/away/secret", "../secret", "inner/../../secret"] {
            let read = deed(suite, caller, [flag, &grant], &["read", &format!("/given/{below}")])?;
            holds(format!("/given/{below} leads nowhere"), read.is_err(), read)?;
            let written = deed(suite, caller, [flag, &grant], &["write", &format!("/given/{below}"), "x"])?;
            let text = fs::read_to_string(&secret)?;
            holds(format!("nothing was written by /given/{below}: {written:?}"), text == "above", text)?;
        }
        let within = deed(suite, caller, [flag, &grant], &["read", "/given/within"])?;
        same("a link that stays within", within, Ok("within".into()))?;
    }
    Ok(())
}

fn limit_04_a_link_of_the_callers_is_followed_once(suite: &Suite<'_>) -> Verdict {
    let path = tree(suite, "granted")?;
    let link = suite.path("files").join("link");
    symlink(&path, &link)?;
    for caller in CALLERS {
        let grant = shown_at(&link, "/given");
        let names = deed(suite, caller, ["--ro", &grant], &["list", "/given"])?;
        same("what a link of the caller's leads to", names, Ok(json!(["inner"])))?;
        let beside = deed(suite, caller, ["--ro", &grant], &["read", "/given/../secret"])?;
        holds("what lies beside it can't be read", beside.is_err(), beside)?;
    }
    Ok(())
}

fn limit_05_the_cell_starts_in_a_granted_directory(suite: &Suite<'_>) -> Verdict {
    let path = tree(suite, "granted")?;
    let grant = shown_at(&path, "/given");
    for caller in CALLERS {
        let run = |at| suite.ww().by(caller).flags(["--rw", &grant, "--workdir", at]);
        let facts = run("/given/inner").probe(["facts"]).run()?.facts()?;
        same("the working directory", facts.cwd.as_deref(), Some("/given/inner"))?;
        let read = run("/given").probe(["read", "inner/file"]).run()?.deed()?;
        same("a file by its relative path", read, Ok("within".into()))?;
    }
    Ok(())
}

fn limit_26_grants_are_mounted_nosuid_and_nodev(suite: &Suite<'_>) -> Verdict {
    let path = tree(suite, "granted")?;
    let (grant, file) = (shown_at(&path, "/given"), shown_at(&path.join("inner/file"), "/file"));
    for caller in CALLERS {
        let facts = suite.ww().by(caller).flags(["--rw", &grant, "--ro", &file]).probe(["facts"]).run()?.facts()?;
        let mounts = facts.mounts.unwrap_or_default();
        for (at, wanted) in [("/given", &["nosuid", "nodev"][..]), ("/file", &["nosuid", "nodev", "ro"])] {
            // proc_pid_mountinfo(5): the fifth field is the place, the sixth its options.
            let line = mounts.iter().find(|line| line.split(' ').nth(4) == Some(at));
            let Some(options) = line.and_then(|line| line.split(' ').nth(5)) else {
                return fail(format!("{at} is a mount of its own"), format!("{mounts:?}"));
            };
            let missing: Vec<&&str> = wanted.iter().filter(|it| !options.split(',').any(|has| has == **it)).collect();
            same(format!("options that {at} lacks"), missing, vec![])?;
        }
    }
    Ok(())
}

fn limit_27_roots_cell_may_what_the_owner_may(suite: &Suite<'_>) -> Verdict {
    if statfs(suite.scratch())?.filesystem_type() == OVERLAYFS_SUPER_MAGIC {
        return Err(Stop::NotVerifiable(
            "overlayfs has no idmapped mounts: set TMPDIR to a directory on ext4, xfs, btrfs or tmpfs".into(),
        ));
    }
    for (name, owner) in [("roots", 0), ("another's", 4_242)] {
        let path = tree(suite, name)?;
        for (below, mode) in [("", 0o700), ("inner", 0o700), ("inner/file", 0o600)] {
            fs::set_permissions(path.join(below), fs::Permissions::from_mode(mode))?;
            if nix::unistd::geteuid().is_root() {
                chown(path.join(below), Some(owner), Some(owner))?;
            }
        }
        let grant = shown_at(&path, "/given");
        let read = deed(suite, Caller::Root, ["--ro", &grant], &["read", "/given/inner/file"])?;
        same("a file that its owner alone may read", read, Ok("within".into()))?;
        let made = deed(suite, Caller::Root, ["--rw", &grant], &["write", "/given/inner/new", "made"])?;
        same("making a file where the owner alone may", made, Ok(json!(true)))?;
        let about = fs::metadata(path.join("inner/new"))?;
        same("who owns what the cell made", (about.uid(), about.gid()), (owner, owner))?;
        let program = path.join("inner/file");
        let done = deed(suite, Caller::Root, ["--rw", &shown_at(&program, "/file")], &["write", "/file", "changed"])?;
        same("writing to a file that its owner alone may write", done, Ok(json!(true)))?;
    }
    Ok(())
}

fn limit_28_the_hosts_mounts_are_out_of_sight(suite: &Suite<'_>) -> Verdict {
    const VIEW: [&str; 10] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/proc", "/dev"];
    let facts = suite.ww().probe(["facts"]).run()?.facts()?;
    let Some(mounts) = facts.mounts else { return fail("the cell can read its own mounts", "it can't") };
    // proc_pid_mountinfo(5): the third field is the file system's device, the fifth the place.
    let of = |line: &str| {
        let mut fields = line.split(' ').skip(2).step_by(2).map(str::to_owned);
        (fields.next().unwrap_or_default(), fields.next().unwrap_or_default())
    };
    let cells: Vec<_> = mounts.iter().map(|line| of(line)).collect();
    let hosts = fs::read_to_string("/proc/self/mountinfo")?;
    let foreign = |at: &str| at != "/" && !VIEW.iter().any(|view| Path::new(at).starts_with(view));
    let hosts: Vec<_> = hosts.lines().map(of).filter(|(_, at)| foreign(at)).collect();
    holds("the host has mounts that no view is made of", !hosts.is_empty(), &hosts)?;
    let seen: Vec<_> = hosts.iter().filter(|mount| cells.contains(mount)).collect();
    same("mounts of the host that the cell sees", seen, vec![])
}
