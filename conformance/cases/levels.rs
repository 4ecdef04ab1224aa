//! The levels of the jail: by name, never by themselves, and what each of them keeps a cell from.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::jail::{NAMESPACES, is_jailed, own_name};
use super::signals::{all_dead, lifeline};
use crate::adapter::Caller;
use crate::facts::Facts;
use crate::invocation::Invocation;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::sys;
use crate::verdict::{Stop, Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(limit_01_full_needs_no_name),
    case!(limit_01_weaker_levels_are_had_by_name).also(&["STATUS-02"]),
    case!(limit_01_other_names_are_refused),
    case!(jail_43_restricted_takes_privileges_away),
    case!(jail_44_restricted_keeps_to_its_directory),
    case!(jail_44_restricted_writes_to_no_directory_that_it_starts_in),
    case!(jail_44_restricted_reaches_nobody),
    case!(jail_45_none_is_the_caller_where_the_caller_is),
    case!(jail_45_none_keeps_descriptors_and_environment),
    case!(jail_46_at_every_level_nothing_outlives_the_cell),
    case!(jail_46_at_every_level_nothing_outlives_the_host),
];

const LEVELS: [&str; 3] = ["full", "restricted", "none"];
/// The version of Landlock that can keep signals within a cell (Linux 6.12).
const SCOPES: i64 = 6;
const CALLERS: [Caller; 2] = [Caller::Root, Caller::Ordinary];

/// The cases of this machine's callers: root's only where the suite is root's.
pub(super) fn by_each(suite: &Suite<'_>, check: impl Fn(Caller) -> Verdict) -> Verdict {
    for caller in CALLERS {
        match suite.user_of(caller) {
            Err(Stop::NotVerifiable(_)) if caller == Caller::Root => {}
            Err(stop) => return Err(stop),
            Ok(_) => check(caller)?,
        }
    }
    Ok(())
}

/// A run at a level by a caller, with a temporary directory that each of them may use.
pub(super) fn at<'a>(suite: &'a Suite<'a>, level: &str, caller: Caller) -> Verdict<Invocation<'a>> {
    for place in ["tmp", "cwd"] {
        fs::set_permissions(suite.path(place), fs::Permissions::from_mode(0o1777))?;
    }
    Ok(suite.ww().by(caller).flags(["--jail", level]))
}

/// The level that a run says is in force.
fn level(suite: &Suite<'_>, flags: &[&str]) -> Verdict<Value> {
    let file = suite.file("status", "")?;
    suite.ww().flags(flags).flags(["--status-fd", "9"]).place(9, &file).probe(["exit", "0"]).run()?.exits(0)?;
    let text = fs::read_to_string(suite.path("files/status"))?;
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(lines.into_iter().find(|line| line["event"] == "started").map_or(Value::Null, |line| line["jail"].clone()))
}

/// Checks that a cell is in all namespaces of the suite's.
fn shares_namespaces(facts: &Facts) -> Verdict {
    for name in NAMESPACES {
        let ours = fs::read_link(format!("/proc/self/ns/{name}"))?.to_string_lossy().into_owned();
        same(format!("the {name} namespace"), facts.namespaces.get(name).cloned().flatten(), Some(ours))?;
    }
    Ok(())
}

fn limit_01_full_needs_no_name(suite: &Suite<'_>) -> Verdict {
    is_jailed(&suite.ww().probe(["facts"]).run()?.facts()?)?;
    is_jailed(&suite.ww().flags(["--jail", "full"]).probe(["facts"]).run()?.facts()?)?;
    is_jailed(&suite.ww().flags(["--jail=full"]).probe(["facts"]).run()?.facts()?)?;
    if suite.judges("STATUS-02") {
        same("the level in force", level(suite, &[])?, json!("full"))?;
    }
    Ok(())
}

fn limit_01_weaker_levels_are_had_by_name(suite: &Suite<'_>) -> Verdict {
    for name in ["restricted", "none"] {
        let run = suite.ww().flags(["--jail", name]).probe(["facts"]).run()?;
        shares_namespaces(&run.facts()?)?;
        if suite.judges("STATUS-02") {
            same("the level in force", level(suite, &["--jail", name])?, json!(name))?;
        }
    }
    // Nothing of it stays behind for the next run.
    is_jailed(&suite.ww().probe(["facts"]).run()?.facts()?)
}

fn limit_01_other_names_are_refused(suite: &Suite<'_>) -> Verdict {
    for name in ["", "Full", "NONE", "0", "no", "strict", "full,none", "restricted ", "rest"] {
        suite.ww().flags([format!("--jail={name}")]).probe(["facts"]).run()?.refuses(2, "", "--jail")?;
    }
    Ok(())
}

fn jail_43_restricted_takes_privileges_away(suite: &Suite<'_>) -> Verdict {
    by_each(suite, |caller| {
        let run = at(suite, "restricted", caller)?.probe(["facts"]).run()?;
        let facts = run.facts()?;
        for set in ["effective", "permitted", "inheritable", "ambient"] {
            run.same(format!("{set} capabilities"), facts.capabilities.get(set).copied().flatten(), Some(0))?;
        }
        run.same("no_new_privs", facts.no_new_privs, Some(1))?;
        run.same("Seccomp in /proc/self/status", facts.seccomp, Some(2))?;
        run.holds(format!("its user isn't root: {:?}", facts.ids), facts.ids.uid.iter().all(|uid| *uid != 0))?;
        run.holds(format!("nor is its group: {:?}", facts.ids), facts.ids.gid.iter().all(|gid| *gid != 0))?;
        Ok(())
    })
}

fn jail_44_restricted_keeps_to_its_directory(suite: &Suite<'_>) -> Verdict {
    let name = format!("secret-{}", own_name(suite));
    for folder in ["home", "cwd", "tmp", "files", "run"] {
        let path = suite.path(folder).join(&name);
        fs::set_permissions(suite.path(folder), fs::Permissions::from_mode(0o1777))?;
        fs::write(&path, "secret")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
    }
    by_each(suite, |caller| {
        let deed = |words: &[&str]| at(suite, "restricted", caller)?.probe(words).run()?.deed();
        for folder in ["home", "cwd", "tmp", "files", "run"] {
            let folder = suite.path(folder).display().to_string();
            let (secret, new) = (format!("{folder}/{name}"), format!("{folder}/new"));
            for words in [vec!["read", &secret], vec!["open-to-write", &secret], vec!["write", &new, "x"]] {
                let done = deed(&words)?;
                holds(format!("{words:?} fails"), done.is_err(), done)?;
            }
        }
        let shadow = deed(&["read", "/etc/shadow"])?;
        holds("/etc/shadow can't be read", shadow.is_err(), shadow)?;
        same("its directory at the start", deed(&["list", "."])?, Ok(json!([])))?;
        same("writing into it", deed(&["write", "new", "x"])?, Ok(true.into()))?;
        same("the directory of another cell", deed(&["list", "."])?, Ok(json!([])))?;
        same("reading /dev/null", deed(&["read", "/dev/null"])?, Ok("".into()))
    })
}

fn jail_44_restricted_writes_to_no_directory_that_it_starts_in(suite: &Suite<'_>) -> Verdict {
    let folder = suite.path("files");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777))?;
    let folder = folder.display().to_string();
    by_each(suite, |caller| {
        for (flag, may) in [("--ro", false), ("--rw", true)] {
            let run = at(suite, "restricted", caller)?.flags([flag, &folder, "--workdir", &folder]);
            let done = run.probe(["write", "new", "x"]).run()?.deed()?;
            holds(format!("{flag} and --workdir: writing gave {done:?}"), done.is_ok() == may, &done)?;
            let left = fs::remove_file(suite.path("files/new")).is_ok();
            same("the host has the file", left, may)?;
        }
        Ok(())
    })
}

fn jail_44_restricted_reaches_nobody(suite: &Suite<'_>) -> Verdict {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    by_each(suite, |caller| {
        let deed = |words: &[&str]| at(suite, "restricted", caller)?.probe(words).run()?.deed();
        for words in [vec!["connect-loopback", &port], vec!["send-outside"]] {
            let done = deed(&words)?;
            holds(format!("{words:?} fails"), done.is_err(), done)?;
        }
        let witness = suite.command([suite.probe().as_os_str().as_encoded_bytes(), b"catch", b"0", b"23"]);
        let witness = witness.by(caller).with_input().start()?;
        witness.hears("ready", 1)?;
        let pid = witness.pid().to_string();
        let (environment, score) = (format!("/proc/{pid}/environ"), format!("/proc/{pid}/oom_score_adj"));
        let mut closed = vec![vec!["trace", &pid], vec!["read", &environment], vec!["write", &score, "500"]];
        // Before, the kernel can't tell a process of the cell from another of its user's.
        if sys::landlock() >= SCOPES {
            closed.push(vec!["kill", &pid, "23"]);
        }
        for words in closed {
            let done = deed(&words)?;
            holds(format!("{words:?} fails"), done.is_err(), done)?;
        }
        witness.finish()?.exits(0)?.prints("ready\n")?;
        Ok(())
    })
}

fn jail_45_none_is_the_caller_where_the_caller_is(suite: &Suite<'_>) -> Verdict {
    by_each(suite, |caller| {
        let run = at(suite, "none", caller)?.probe(["facts"]).run()?;
        let facts = run.facts()?;
        shares_namespaces(&facts)?;
        let user = suite.user_of(caller)?.map_or_else(|| nix::unistd::geteuid().as_raw(), |user| user.uid);
        run.same("its user", facts.ids.uid, [user; 3])?;
        let ours = suite.path("cwd").canonicalize()?.display().to_string();
        run.same("its directory", facts.cwd.as_deref(), Some(ours.as_str()))?;
        Ok(())
    })
}

fn jail_45_none_keeps_descriptors_and_environment(suite: &Suite<'_>) -> Verdict {
    let file = suite.file("file", "x")?;
    for level in LEVELS {
        let run = at(suite, level, suite.setup().adapter().user)?.env("SECRET", "x").flags(["--env", "A=1"]);
        let run = run.grant("a", 9).place(9, &file).place(17, &file).probe(["facts"]).run()?;
        let mut facts = run.facts()?;
        facts.env.sort();
        run.same("open descriptors", facts.numbers(), vec![0, 1, 2, 3, 4])?;
        run.same("the environment", facts.env, ["A=1", "WW_FD_A=4", "WW_RPC_FD=3"].map(str::to_owned).to_vec())?;
    }
    Ok(())
}

fn jail_46_at_every_level_nothing_outlives_the_cell(suite: &Suite<'_>) -> Verdict {
    for level in LEVELS {
        let (held, writer) = lifeline()?;
        let run =
            suite.ww().flags(["--jail", level]).grant("line", 9).place(9, &writer).probe(["orphan", "3"]).start()?;
        drop(writer);
        let run = run.finish()?;
        run.exits(3)?.is_silent()?;
        same("processes left at the end", run.report.left.clone(), vec![])?;
        all_dead(suite, &held)?;
    }
    Ok(())
}

fn jail_46_at_every_level_nothing_outlives_the_host(suite: &Suite<'_>) -> Verdict {
    for level in LEVELS {
        let (held, writer) = lifeline()?;
        let run = suite.ww().flags(["--jail", level]).may_leave_files();
        let run = run.grant("line", 9).place(9, &writer).probe(["grandchild"]).start()?;
        drop(writer);
        run.hears("ready", 1)?;
        run.signal(Signal::SIGKILL);
        all_dead(suite, &held)?;
        run.finish()?;
    }
    Ok(())
}
