//! The levels of the jail: by name, never by itself, and what each of them keeps a cell from. And what is said where
//! a machine refuses a part, tried with filters and sysctls that refuse it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::jail::{NAMESPACES, is_jailed, own_name};
use super::signals::{all_dead, lifeline};
use crate::adapter::Caller;
use crate::ended::Ended;
use crate::facts::Facts;
use crate::invocation::Invocation;
use crate::launch::RefusedCall;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::sys;
use crate::verdict::{Stop, Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(limit_01_full_needs_no_name),
    case!(limit_01_weaker_levels_are_had_by_name).also(&["STATUS-02"]),
    case!(limit_01_other_names_are_refused),
    case!(jail_40_trap_16_a_sysctl_is_named_and_the_next_level_offered),
    case!(jail_40_trap_16_a_filter_is_named_and_the_next_level_offered),
    case!(jail_40_trap_16_a_containers_own_filter_is_named),
    case!(jail_41_trap_02_a_failed_step_is_no_failed_program),
    case!(jail_42_landlock_isnt_left_out_where_a_filter_hides_it),
    case!(jail_43_restricted_takes_privileges_away),
    case!(jail_44_restricted_keeps_to_its_directory),
    case!(jail_44_restricted_reaches_nobody),
    case!(jail_45_none_is_the_caller_where_the_caller_is),
    case!(jail_45_none_keeps_descriptors_and_environment),
    case!(jail_46_at_every_level_nothing_outlives_the_cell),
    case!(jail_46_at_every_level_nothing_outlives_the_host),
];

const LEVELS: [&str; 3] = ["full", "restricted", "none"];
const CALLERS: [Caller; 2] = [Caller::Root, Caller::Ordinary];

/// The cases of this machine's callers: root's only where the suite is root's.
fn by_each(suite: &Suite<'_>, check: impl Fn(Caller) -> Verdict) -> Verdict {
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
fn at<'a>(suite: &'a Suite<'a>, level: &str, caller: Caller) -> Verdict<Invocation<'a>> {
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

/// What filters like those of containers refuse: user namespaces by any call.
fn no_namespaces() -> [RefusedCall; 3] {
    let refused = |number, flags, errno| RefusedCall { number, flags, errno };
    [
        refused(libc::SYS_unshare, None, libc::EPERM),
        refused(libc::SYS_clone, Some(libc::CLONE_NEWUSER.cast_unsigned()), libc::EPERM),
        // It takes its flags where a filter can't look: libraries fall back on clone.
        refused(libc::SYS_clone3, None, libc::ENOSYS),
    ]
}

/// Checks that a run was refused for want of user namespaces, for a cause with one of these words in it, and that it
/// offers a weaker level.
fn offers(run: &Ended, causes: &[&str]) -> Verdict {
    run.refuses(1, "", "user namespace")?;
    let said = run.first_line();
    run.holds(format!("the line names the cause, as one of {causes:?} would: {said:?}"), {
        causes.iter().any(|cause| said.contains(cause))
    })?;
    let offered = ["--jail restricted", "--jail none"].iter().any(|level| said.contains(level));
    run.holds(format!("the line offers a weaker level: {said:?}"), offered)?;
    Ok(())
}

fn jail_40_trap_16_a_sysctl_is_named_and_the_next_level_offered(suite: &Suite<'_>) -> Verdict {
    // A user namespace may forbid those beneath it.
    let forbid = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let outer = ["/usr/bin/unshare", "--user", "--map-root-user", "/bin/sh", "-c", forbid, "sh"];
    if !suite.command(outer).flags(["/bin/true"]).run().is_ok_and(|run| run.report.code == Some(0)) {
        return Err(Stop::NotVerifiable("`unshare --user` doesn't work here".into()));
    }
    let words = suite.ww().probe(["facts"]).words().to_vec();
    let run = suite.command(outer).flags(&words).run()?;
    offers(&run, &["user.max_user_namespaces", "/proc/sys/user/max_user_namespaces"])?;
    // What is offered can be had.
    let words = suite.ww().flags(["--jail", "none"]).probe(["print", "ran"]).words().to_vec();
    suite.command(outer).flags(&words).run()?.exits(0)?.prints("ran")?;
    Ok(())
}

fn jail_40_trap_16_a_filter_is_named_and_the_next_level_offered(suite: &Suite<'_>) -> Verdict {
    by_each(suite, |caller| {
        let run = suite.ww().by(caller).refusing(no_namespaces()).probe(["facts"]).run()?;
        offers(&run, &["seccomp", "filter"])?;
        let weaker = at(suite, "none", caller)?.refusing(no_namespaces()).probe(["print", "ran"]).run()?;
        weaker.exits(0)?.prints("ran")?;
        Ok(())
    })
}

/// An image that is here already: only its name matters, what runs comes from this machine.
const IMAGE: &str = "WW_KUBO_IMAGE";

fn jail_40_trap_16_a_containers_own_filter_is_named(suite: &Suite<'_>) -> Verdict {
    let image = std::env::var(IMAGE).unwrap_or_default();
    if image.is_empty() {
        return Err(Stop::NotVerifiable(format!("{IMAGE} names no image; ci/docker builds one and says which")));
    }
    let adapter = suite.setup().adapter();
    let program = adapter.command.first().cloned().unwrap_or_default();
    let folder = fs::canonicalize(&program)?.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let cells = suite.setup().cells().display().to_string();
    let mut docker: Vec<String> = ["docker", "run", "--rm", "--network=none"].map(Into::into).to_vec();
    let system = ["/usr", "/bin", "/lib", "/lib32", "/lib64"].map(str::to_owned).into_iter();
    for place in system.filter(|place| fs::exists(place).unwrap_or(false)).chain([folder, cells]) {
        docker.push(format!("--volume={place}:{place}:ro"));
    }
    let words = suite.ww().probe(["print", "ran"]).words().to_vec();
    docker.extend([format!("--entrypoint={program}"), image]);
    let run = suite.command(["/usr/bin/env"]).flags(&docker).flags(&words[1..]);
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let run = if host.is_empty() { run } else { run.env("DOCKER_HOST", host) };
    let run = run.at_most(std::time::Duration::from_secs(120)).run()?;
    if run.report.code == Some(125) {
        return Err(Stop::NotVerifiable(format!("docker can't start a container: {}", run.first_line())));
    }
    offers(&run, &["seccomp", "filter"])
}

/// Steps that jails are made of, whoever makes them; each may be refused with an error that exec has too.
const STEPS: [libc::c_long; 14] = [
    libc::SYS_unshare,
    libc::SYS_clone3,
    libc::SYS_mount,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_pivot_root,
    libc::SYS_sethostname,
    libc::SYS_capset,
    libc::SYS_landlock_restrict_self,
    libc::SYS_seccomp,
    libc::SYS_keyctl,
];

fn jail_41_trap_02_a_failed_step_is_no_failed_program(suite: &Suite<'_>) -> Verdict {
    let mut refusals = 0;
    for (number, errno) in STEPS.into_iter().zip([libc::ENOENT, libc::EACCES, libc::ENOEXEC].into_iter().cycle()) {
        let refused = RefusedCall { number, flags: None, errno };
        let run = suite.ww().refusing([refused]).probe(["facts"]).run()?;
        // An implementation may do without the call, but not without what it is for.
        if run.report.code == Some(0) {
            is_jailed(&run.facts()?)?;
            continue;
        }
        refusals += 1;
        run.refuses(1, "", "")?;
        let said = run.first_line();
        for phrase in ["failed to resolve path", "cannot execute", "not found"] {
            run.holds(format!("{said:?} doesn't say {phrase:?}"), !said.contains(phrase))?;
        }
    }
    holds("a jail that can't be made without any of them", refusals > 0, refusals)
}

fn jail_42_landlock_isnt_left_out_where_a_filter_hides_it(suite: &Suite<'_>) -> Verdict {
    if !sys::has_landlock() {
        return Err(Stop::NotVerifiable("this kernel has no Landlock, or it is switched off".into()));
    }
    for errno in [libc::ENOSYS, libc::EPERM, libc::EACCES] {
        let refused = RefusedCall { number: libc::SYS_landlock_create_ruleset, flags: None, errno };
        by_each(suite, |caller| {
            let run = suite.ww().by(caller).refusing([refused]).probe(["facts"]).run()?;
            run.refuses(1, "", "Landlock")?;
            Ok(())
        })?;
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
        for words in [vec!["kill", &pid, "23"], vec!["trace", &pid], vec!["read", &format!("/proc/{pid}/environ")]] {
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
        let run = suite.ww().flags(["--jail", level]).grant("line", 9).place(9, &writer).probe(["orphan", "3"]).start()?;
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
