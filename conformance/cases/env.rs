//! The environment that a cell sees: what it is made of, and in which order its parts win.

use crate::facts::{Facts, escaped};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::Verdict;

pub(crate) const CASES: &[Case] = &[
    case!(env_01_env_sets_variables),
    case!(env_02_ww_env_sets_variables),
    case!(env_03_nothing_comes_along_unasked),
    case!(env_03_grants_bring_their_variables_and_no_more).each_layout(),
    case!(env_04_a_key_alone_passes_the_hosts_value_on),
    case!(env_05_a_key_that_the_host_lacks_is_left_out),
    case!(env_06_env_beats_ww_env),
    case!(env_07_the_later_env_beats_the_earlier),
    case!(env_08_every_comma_of_ww_env_separates),
    case!(env_09_empty_pieces_of_ww_env_are_ignored),
    case!(env_10_values_arrive_byte_for_byte),
    case!(env_11_an_entry_without_a_key_is_refused),
    case!(env_12_reserved_keys_are_refused),
];

/// The cell's environment, sorted, without the variables of the descriptors.
fn own(facts: &Facts) -> Vec<&str> {
    let mut entries: Vec<&str> = facts.env.iter().map(String::as_str).collect();
    entries.retain(|entry| !entry.starts_with("WW_RPC_FD=") && !entry.starts_with("WW_FD_"));
    entries.sort_unstable();
    entries
}

/// Checks what a cell has, given entries in `WW_ENV` and by `--env`.
fn gives(suite: &Suite<'_>, ww_env: Option<&str>, flags: &[&str], wanted: &[&str]) -> Verdict {
    let mut run = suite.ww().env("HOST", "from the host").env("EMPTY", "");
    if let Some(text) = ww_env {
        run = run.env("WW_ENV", text);
    }
    let run = run.flags(flags.iter().flat_map(|entry| ["--env", entry])).probe(["facts"]).run()?;
    let facts = run.facts()?;
    // That there is nothing else is a ruling's word.
    let whole = suite.judges("ENV-03");
    let had = own(&facts).into_iter().filter(|entry| whole || wanted.contains(entry)).collect();
    run.same("environment", had, wanted.to_vec())?;
    Ok(())
}

fn env_01_env_sets_variables(suite: &Suite<'_>) -> Verdict {
    gives(suite, None, &["DEBUG=true"], &["DEBUG=true"])?;
    gives(
        suite,
        None,
        &["B=two words", "A=1", "lower_case=x", "a.b-c=odd"],
        &["A=1", "B=two words", "a.b-c=odd", "lower_case=x"],
    )
}

fn env_02_ww_env_sets_variables(suite: &Suite<'_>) -> Verdict {
    gives(suite, Some("A=1"), &[], &["A=1"])?;
    gives(suite, Some("A=1,B=two words,HOST"), &["C=3"], &["A=1", "B=two words", "C=3", "HOST=from the host"])
}

fn env_03_nothing_comes_along_unasked(suite: &Suite<'_>) -> Verdict {
    let hosts = [("LD_PRELOAD_X", "x"), ("LANG", "C.UTF-8"), ("WW_IPFS", ""), ("WW_ENV", ""), ("WW_FD_OLD", "7")];
    let run = hosts.iter().fold(suite.ww(), |run, (key, value)| run.env(key, value)).env("WW_RPC_FD", "77");
    let run = run.probe(["facts"]).run()?;
    run.same("environment", run.facts()?.env, vec!["WW_RPC_FD=3".to_owned()])?;
    Ok(())
}

fn env_03_grants_bring_their_variables_and_no_more(suite: &Suite<'_>) -> Verdict {
    let file = suite.file("file", "x")?;
    let run = suite.ww().grant("db", 9).place(9, &file).probe(["facts"]).run()?;
    let mut env = run.facts()?.env;
    env.sort();
    let layout = suite.layout();
    run.same(
        "environment",
        env,
        vec![format!("WW_FD_DB={}", layout.grant(1)), format!("WW_RPC_FD={}", layout.rpc(1))],
    )?;
    Ok(())
}

fn env_04_a_key_alone_passes_the_hosts_value_on(suite: &Suite<'_>) -> Verdict {
    gives(suite, None, &["HOST"], &["HOST=from the host"])?;
    gives(suite, None, &["EMPTY"], &["EMPTY="])?;
    gives(suite, Some("HOST"), &["EMPTY"], &["EMPTY=", "HOST=from the host"])
}

fn env_05_a_key_that_the_host_lacks_is_left_out(suite: &Suite<'_>) -> Verdict {
    gives(suite, None, &["LACKING"], &[])?;
    gives(suite, Some("LACKING,A=1"), &["HOS", "HOSTS"], &["A=1"])
}

fn env_06_env_beats_ww_env(suite: &Suite<'_>) -> Verdict {
    gives(suite, Some("A=from WW_ENV,B=b"), &["A=from --env"], &["A=from --env", "B=b"])?;
    gives(suite, Some("HOST=from WW_ENV"), &["HOST"], &["HOST=from the host"])
}

fn env_07_the_later_env_beats_the_earlier(suite: &Suite<'_>) -> Verdict {
    gives(suite, None, &["A=1", "B=b", "A=2", "A=3"], &["A=3", "B=b"])?;
    gives(suite, Some("A=1,A=2"), &[], &["A=2"])?;
    gives(suite, None, &["HOST=x", "HOST"], &["HOST=from the host"])
}

fn env_08_every_comma_of_ww_env_separates(suite: &Suite<'_>) -> Verdict {
    gives(suite, Some("A=1\\,B=2"), &[], &["A=1\\\\", "B=2"])?;
    gives(suite, Some("A=\"1,B=2\""), &[], &["A=\\\"1", "B=2\\\""])?;
    gives(suite, Some("A='1,B=2'"), &[], &["A=\\'1", "B=2\\'"])?;
    gives(
        suite,
        Some("A=1,B=2\\,C=3,D=\\,E=5\\\\,F=6"),
        &[],
        &["A=1", "B=2\\\\", "C=3", "D=\\\\", "E=5\\\\\\\\", "F=6"],
    )?;
    gives(suite, Some("A=1,B=\"2,C=3\",D='4,E=5',F=6"), &[], &["A=1", "B=\\\"2", "C=3\\\"", "D=\\'4", "E=5\\'", "F=6"])
}

fn env_09_empty_pieces_of_ww_env_are_ignored(suite: &Suite<'_>) -> Verdict {
    gives(suite, Some(",,A=1,,B=2,"), &[], &["A=1", "B=2"])?;
    gives(suite, Some(",,,"), &[], &[])?;
    gives(suite, Some(""), &[], &[])
}

fn env_10_values_arrive_byte_for_byte(suite: &Suite<'_>) -> Verdict {
    let values: [&[u8]; 6] =
        [b"a,b,,c", b"k=v=w=", b"two\nlines\n", b"\xff\xfe bytes \x01", b"", b"\"quoted\" 'too' \\ $HOME"];
    for value in values {
        let run = suite.ww().flags([&b"--env"[..], &[b"KEY=", value].concat()]).probe(["facts"]).run()?;
        run.same("KEY", run.facts()?.values("KEY"), vec![escaped(value).as_str()])?;
    }
    let run = suite.ww().env("HOST", b"\xff, \n").flags(["--env", "HOST"]).probe(["facts"]).run()?;
    run.same("HOST", run.facts()?.values("HOST"), vec!["\\xff, \\n"])?;
    Ok(())
}

/// Checks that an entry is refused, by `--env` and in `WW_ENV`, and that the message names it.
fn refused(suite: &Suite<'_>, entries: &[&str]) -> Verdict {
    for entry in entries {
        suite.ww().flags(["--env", entry]).probe(["facts"]).run()?.refuses(2, "", entry)?;
        suite.ww().env("WW_ENV", format!("A=1,{entry},B=2")).probe(["facts"]).run()?.refuses(2, "", entry)?;
    }
    Ok(())
}

fn env_11_an_entry_without_a_key_is_refused(suite: &Suite<'_>) -> Verdict {
    refused(suite, &["=x", "=", "==x"])?;
    suite.ww().flags(["--env", ""]).probe(["facts"]).run()?.refuses(2, "", "--env")?;
    Ok(())
}

fn env_12_reserved_keys_are_refused(suite: &Suite<'_>) -> Verdict {
    refused(suite, &["WW_RPC_FD=3", "WW_RPC_FD", "WW_FD_DB=4", "WW_FD_DB", "WW_FD_=1"])?;
    gives(suite, None, &["WW_RPC_FDX=1", "WW_FDX=1", "ww_fd_db=1"], &["WW_FDX=1", "WW_RPC_FDX=1", "ww_fd_db=1"])
}
