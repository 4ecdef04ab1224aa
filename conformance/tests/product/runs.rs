//! What is run, what is said, and by which exit code.

use predicates::prelude::*;

use super::{Place, suite};

#[test]
fn a_conformant_one_is_0_and_leaves_every_report() {
    let place = Place::sound();
    place.run(&["FD", "ENV-01"]).assert().code(0).stdout(predicate::str::contains("pass"));
    for name in ["results.jsonl", "report.html", "report.md", "junit.xml", "badge.svg"] {
        assert!(place.path("report").join(name).is_file(), "{name}");
    }
    let end = place.results().end.expect("an end");
    assert_eq!((end.exit_code, end.cut_short), (0, false));
}

#[test]
fn one_that_isnt_is_1_and_says_what_was_expected() {
    let place = Place::reversed();
    let said = place.run(&["FD-06"]).assert().code(1);
    said.stdout(
        predicate::str::contains("expected: grants in rpc-first, by number").and(predicate::str::contains("ran:")),
    );
}

#[test]
fn whatever_isnt_claimed_is_not_applicable() {
    let place = Place::sound();
    place.run(&["--origin", "source"]).assert().code(0);
    let results = place.results();
    for case in &results.cases {
        assert!(["pass", "not-applicable"].contains(&case.outcome.word()), "{case:?}");
        assert!(case.outcome.is_decided() || case.reason.is_some(), "{case:?}");
    }
    assert!(results.cases.iter().filter(|case| case.outcome.is_decided()).count() > 12);
}

#[test]
fn the_rulings_ask_for_more_than_the_source() {
    Place::sound().run(&["--origin", "all", "STDIO-12"]).assert().code(1);
    // No variable for the socket, a banner, exit code 1 for all that fails, another form of messages.
    let place = Place::with(&[
        ("placed = {b\"WW_RPC_FD\": socket", "placed = {b\"HOST_FD\": socket"),
        ("words, env, grants = parse(sys.argv[2:])", "words, env, grants = parse(sys.argv[2:]); os.write(2, b'go\\n')"),
        ("os._exit(code)", "os._exit(1)"),
        ("for part in (\"ww\", *parts)", "for part in (\"level=error\", *parts)"),
    ]);
    place.run(&[]).assert().code(0);
    place.run(&["--origin", "all", "FD-09", "MSG-09", "EXIT-03", "MSG-01"]).assert().code(1);
    let failed = place.results().cases.iter().filter(|case| case.outcome.word() == "fail").count();
    assert!(failed >= 4, "{failed}");
}

#[test]
fn nothing_selected_is_4() {
    let place = Place::sound();
    place.run(&["--filter", "no_such_case"]).assert().code(4);
    place.run(&["--profile", "rpc"]).assert().code(4);
    place.run(&["--list-only", "--filter", "no_such_case"]).assert().code(4);
}

#[test]
fn what_is_asked_for_wrongly_is_2_and_says_what() {
    let place = Place::sound();
    for (words, what) in [
        (&["FD-99"][..], "there is no clause FD-99"),
        (&["FOO-01"], "FOO-01"),
        (&["fd_no_such_case"], "there is no case fd_no_such_case"),
        (&["--filter", "[a"], "[a"),
        (&["--shard", "3/2"], "3/2"),
        (&["--profile", "cores"], "cores"),
        (&["--jobs", "0"], "0"),
        (&["--expect", "/no/such/file"], "/no/such/file"),
    ] {
        place.run(words).assert().code(2).stderr(predicate::str::contains(what));
    }
    suite(&["run", "--impl", "/no/such/program run"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("/no/such/program"));
    suite(&["run", "--impl", "'./ww run"]).assert().code(2).stderr(predicate::str::contains("quote"));
}

#[test]
fn a_harness_that_lacks_its_node_is_3() {
    let place = Place::sound().adapter("");
    let program = place.path("ww");
    let line = format!("{} run", program.display());
    let words = ["run", "--impl", &line, "--profile", "core,fds,ipfs", "--node", "endpoint", "IPFS-01"];
    let said = suite(&words).env_remove("WW_CONFORMANCE_IPFS").assert().code(3);
    said.stdout(predicate::str::contains("WW_CONFORMANCE_IPFS"));
}

#[test]
fn fail_fast_ends_at_the_first_failure() {
    let place = Place::reversed();
    place.run(&["--fail-fast", "--jobs", "1", "FD"]).assert().code(1);
    let results = place.results();
    assert_eq!(results.cases.iter().filter(|case| case.outcome.word() == "fail").count(), 1);
    assert!(results.end.is_some_and(|end| end.cut_short));
}

#[test]
fn the_same_seed_draws_the_same() {
    let place = Place::sound();
    let lines = |seed: &str| {
        place.run(&["--seed", seed, "fd_08_any_grants_lie_where_the_layout_says"]).assert().code(0);
        let commands = place.results().cases.remove(0).commands;
        let words = |line: &String| line.split_whitespace().filter(|word| !word.contains('/')).collect::<String>();
        commands.iter().map(words).collect::<Vec<_>>()
    };
    let (first, again, other) = (lines("7"), lines("7"), lines("8"));
    assert!(first.len() > 5, "{first:?}");
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn a_clause_is_explained_and_everything_listed() {
    let said = suite(&["explain", "fd-02"]).assert().code(0);
    said.stdout(predicate::str::contains("Disputed").and(predicate::str::contains("fd_02_in_rpc_first")));
    suite(&["explain", "FD-99"]).assert().code(2);
    suite(&["list", "FD-21"]).assert().code(0).stdout(predicate::str::contains("fd_21_nothing_else_is_open"));
    suite(&["list", "--clauses", "--profile", "p2p"])
        .assert()
        .code(0)
        .stdout(predicate::str::contains("P2P-20    p2p"));
    suite(&["completions", "bash"]).assert().code(0).stdout(predicate::str::contains("_ww__conformance"));
}

#[test]
fn a_case_that_never_ends_loses_only_itself() {
    let hangs = "words, env, grants = parse(sys.argv[2:])\nif 'it runs' in words:\n    signal.pause()\n";
    let place = Place::with(&[("words, env, grants = parse(sys.argv[2:])\n", hangs)]);
    let place = place.adapter("[timeouts]\nrun-ms = 300000\ncase-ms = 2000\n");
    place.run(&["--jobs", "1", "CLI-01", "ENV-01"]).assert().code(3);
    let results = place.results();
    let slow = results.cases.iter().find(|case| case.name.starts_with("cli_01")).expect("its line");
    let why = slow.reason.clone().unwrap_or_default();
    assert!(slow.outcome.word() == "harness-error" && why.contains("killed by the watchdog"), "{slow:?}");
    let next = results.cases.iter().find(|case| case.name.starts_with("env_01")).expect("its line");
    assert_eq!(next.outcome.word(), "pass");
}

#[test]
fn a_reader_that_goes_away_is_no_fault_and_a_full_disk_is() {
    let into = |target: &str, words: &str| {
        let line = format!("\"$0\" {words} {target}");
        let mut shell = assert_cmd::Command::new("bash");
        shell.args(["-o", "pipefail", "-c", &line, env!("CARGO_BIN_EXE_ww-conformance")]).assert()
    };
    into("| head -n 1", "list").code(0).stderr("");
    into(">/dev/full", "list").code(3).stderr(predicate::str::contains("standard output can't be written"));
    into(">/dev/full", "completions zsh").code(3).stderr(predicate::str::contains("standard output"));
}
