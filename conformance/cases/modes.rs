//! Modes of files: a cell leaves nothing on its caller's disk that others would execute by another's rights.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, statfs};
use nix::unistd::geteuid;

use crate::adapter::Caller;
use crate::cases::levels::at;
use crate::invocation::Invocation;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, fail, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(jail_39_no_call_makes_a_set_id_file_of_roots),
    case!(jail_39_no_call_makes_a_set_id_file_of_a_users),
    case!(jail_43_no_call_makes_a_set_id_file_when_restricted),
    case!(jail_39_other_modes_are_given),
    case!(jail_39_programs_that_set_modes_work),
];

/// Set-user-ID and set-group-ID (inode(7)).
const SET_ID: u32 = 0o6000;
/// In the upper half of a mode's register: the kernel takes the lower 16 bits.
const UPPER: i64 = 1 << 32;

/// How each way of the probe's to give a file a mode failed; `None` where it didn't.
type Ways = BTreeMap<String, Option<i32>>;

/// A new directory `name`, of the caller's own.
fn directory(suite: &Suite<'_>, caller: Caller, name: &str) -> Verdict<PathBuf> {
    let path = suite.path("files").join(name);
    fs::create_dir(&path)?;
    if let Some(user) = suite.user_of(caller)? {
        chown(&path, Some(user.uid), Some(user.gid))?;
    }
    Ok(path)
}

fn ways(run: Invocation<'_>) -> Verdict<Ways> {
    let made = run.run()?.deed()?;
    match made.as_ref().map(|made| serde_json::from_value(made.clone())) {
        Ok(Ok(ways)) => Ok(ways),
        _ => fail("what came of each way to give a mode", format!("{made:?}")),
    }
}

/// Gives files in a directory a mode, outside of any cell.
fn outside(suite: &Suite<'_>, caller: Caller, path: &Path, mode: i64) -> Verdict<Ways> {
    let words = [suite.probe().as_os_str().as_encoded_bytes(), b"modes", path.as_os_str().as_encoded_bytes()];
    ways(suite.command(words).by(caller).flags([mode.to_string()]))
}

/// The modes of the files in a directory, by their names.
fn modes(path: &Path) -> Verdict<BTreeMap<String, u32>> {
    let mode = |entry: fs::DirEntry| -> std::io::Result<_> {
        Ok((entry.file_name().to_string_lossy().into_owned(), entry.metadata()?.permissions().mode() & 0o7777))
    };
    Ok(fs::read_dir(path)?.map(|entry| entry.and_then(mode)).collect::<Result<_, _>>()?)
}

/// Has a cell try all ways where each of them is open to its caller; `run` is a cell with `path` granted at `at`.
fn no_call_makes_a_set_id_file<'a>(
    suite: &'a Suite<'_>,
    caller: Caller,
    run: impl Fn(&Path) -> Verdict<(Invocation<'a>, String)>,
) -> Verdict {
    for (number, mode) in [0o4755, 0o2755, 0o6711, 0o4755 | UPPER, 0o2000].into_iter().enumerate() {
        let bits = mode as u32 & 0o7777;
        let control = directory(suite, caller, &format!("outside-{number}"))?;
        let open = outside(suite, caller, &control, mode)?;
        let set: Vec<_> = modes(&control)?.into_iter().filter(|(_, mode)| *mode == bits).map(|(way, _)| way).collect();
        if set.len() < open.len() / 2 {
            return Err(Stop::NotVerifiable(format!(
                "only {set:?} give a file mode {bits:o} here, without a cell: set TMPDIR to a directory on another \
                 file system"
            )));
        }
        let path = directory(suite, caller, &format!("granted-{number}"))?;
        let (run, at) = run(&path)?;
        let tried = ways(run.probe(["modes", &at, &mode.to_string()]))?;
        same("the ways that the cell tried", tried.keys().collect::<Vec<_>>(), open.keys().collect())?;
        let made = modes(&path)?;
        holds("the cell made files where it may write", !made.is_empty(), &tried)?;
        let set = made.into_iter().filter(|(_, mode)| mode & SET_ID != 0);
        let set: Vec<_> = set.map(|(way, mode)| format!("{way}: {mode:o}")).collect();
        same(format!("files that mode {mode:o} made set-user-ID or set-group-ID"), set, vec![])?;
    }
    Ok(())
}

fn granted<'a>(suite: &'a Suite<'_>, caller: Caller, path: &Path) -> (Invocation<'a>, String) {
    (suite.ww().by(caller).flags(["--rw", &format!("{}:/given", path.display())]), "/given".to_owned())
}

fn jail_39_no_call_makes_a_set_id_file_of_roots(suite: &Suite<'_>) -> Verdict {
    written_by_root(suite)?;
    no_call_makes_a_set_id_file(suite, Caller::Root, |path| Ok(granted(suite, Caller::Root, path)))
}

fn jail_39_no_call_makes_a_set_id_file_of_a_users(suite: &Suite<'_>) -> Verdict {
    no_call_makes_a_set_id_file(suite, Caller::Ordinary, |path| Ok(granted(suite, Caller::Ordinary, path)))
}

fn jail_43_no_call_makes_a_set_id_file_when_restricted(suite: &Suite<'_>) -> Verdict {
    no_call_makes_a_set_id_file(suite, Caller::Ordinary, |path| {
        let at_place = path.display().to_string();
        Ok((at(suite, "restricted", Caller::Ordinary)?.flags(["--rw", &at_place]), at_place))
    })
}

/// Root's cell writes to root's directories by their owner's rights (LIMIT-27), where the file system lets it.
fn written_by_root(suite: &Suite<'_>) -> Verdict {
    if statfs(suite.scratch())?.filesystem_type() == OVERLAYFS_SUPER_MAGIC {
        return Err(Stop::NotVerifiable(
            "overlayfs has no idmapped mounts: set TMPDIR to a directory on ext4, xfs, btrfs or tmpfs".into(),
        ));
    }
    Ok(())
}

fn jail_39_other_modes_are_given(suite: &Suite<'_>) -> Verdict {
    for (number, mode) in [0o755, 0o1777, 0o600, 0o644 | UPPER].into_iter().enumerate() {
        let control = directory(suite, Caller::Ordinary, &format!("outside-{number}"))?;
        outside(suite, Caller::Ordinary, &control, mode)?;
        let path = directory(suite, Caller::Ordinary, &format!("granted-{number}"))?;
        let (run, at) = granted(suite, Caller::Ordinary, &path);
        let tried = ways(run.probe(["modes", &at, &mode.to_string()]))?;
        let (mut wanted, given) = (modes(&control)?, modes(&path)?);
        // Libraries do without the newest calls (JAIL-19), so a cell may have to; not without those of all programs.
        let missing = |way: &str| tried.get(way) == Some(&Some(libc::ENOSYS));
        wanted.retain(|way, _| !(["fchmodat2", "openat2"].contains(&way.as_str()) && missing(way)));
        let given: BTreeMap<_, _> = given.into_iter().filter(|(way, _)| wanted.contains_key(way)).collect();
        same(format!("modes of files that were given {mode:o}"), given, wanted)?;
    }
    Ok(())
}

fn jail_39_programs_that_set_modes_work(suite: &Suite<'_>) -> Verdict {
    for needed in ["git", "tar", "install", "cp"] {
        if !Path::new("/usr/bin").join(needed).exists() && !Path::new("/bin").join(needed).exists() {
            return Err(Stop::NotVerifiable(format!("there is no {needed}: install git, tar and coreutils")));
        }
    }
    let script = "set -eu; umask 022; cd /given
        echo text > file; chmod 755 file; cp -p file copy; install -m 751 file installed; install -d -m 750 folder
        mkdir -m 1777 shared; cp -a shared folder/; tar -cf all.tar file copy installed folder shared
        mkdir out; tar -C out -xpf all.tar; git init -q tree; cd tree; git config user.name n; git config user.email e@e
        cp -p ../file .; git add file; git commit -q -m first; git clone -q . ../clone; cd ..
        stat -c '%a %n' copy installed folder shared folder/shared out/installed out/folder out/shared tree/file clone/file
        chmod u+s file 2> /dev/null || true";
    let says = "755 copy\n751 installed\n750 folder\n1777 shared\n1777 folder/shared\n751 out/installed\n\
        750 out/folder\n1777 out/shared\n755 tree/file\n755 clone/file\n";
    for (caller, name) in [(Caller::Ordinary, "a-users"), (Caller::Current, "of-who-runs-this")] {
        if caller == Caller::Current && geteuid().is_root() {
            written_by_root(suite)?;
        }
        let path = directory(suite, caller, name)?;
        let run = granted(suite, caller, &path).0.flags(["--env", "PATH=/usr/bin:/bin", "--env", "HOME=/tmp"]);
        run.flags(["/bin/sh", "-c", script]).run()?.exits(0)?.prints(says)?.is_silent()?;
        let mode = fs::metadata(path.join("file"))?.permissions().mode();
        same("the mode of what was to be set-user-ID", mode & 0o7777, 0o755)?;
    }
    Ok(())
}
