//! What is said where a machine refuses a part of the jail, tried with filters and sysctls that refuse it.

use std::fs;
use std::time::Duration;

use super::jail::{is_jailed, without_user_namespaces};
use super::levels::{at, by_each};
use crate::ended::Ended;
use crate::launch::RefusedCall;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::sys;
use crate::verdict::{Stop, Verdict, holds};

pub(crate) const CASES: &[Case] = &[
    case!(jail_40_trap_16_a_sysctl_is_named_and_the_next_level_offered),
    case!(jail_40_trap_16_a_filter_is_named_and_the_next_level_offered),
    case!(jail_40_trap_16_a_containers_own_filter_is_named),
    case!(jail_41_trap_02_a_failed_step_is_no_failed_program),
    case!(jail_42_landlock_isnt_left_out_where_a_filter_hides_it),
];

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
    let outer = without_user_namespaces(suite)?;
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
    docker.extend(adapter.env.iter().map(|(key, value)| format!("--env={key}={value}")));
    docker.extend([format!("--entrypoint={program}"), image]);
    let run = suite.command(["/usr/bin/env"]).flags(&docker).flags(&words[1..]);
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let run = if host.is_empty() { run } else { run.env("DOCKER_HOST", host) };
    let run = run.at_most(Duration::from_secs(120)).run()?;
    if run.report.code == Some(125) {
        return Err(Stop::NotVerifiable(format!("docker can't start a container: {}", run.first_line())));
    }
    offers(&run, &["seccomp", "filter"])
}

/// Steps that jails are made of, whoever makes them; each may be refused with an error that exec has too.
const STEPS: [libc::c_long; 13] = [
    libc::SYS_unshare,
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
    if sys::landlock() == 0 {
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
