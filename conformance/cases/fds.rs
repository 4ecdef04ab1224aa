//! Descriptors: which the cell has, and under which numbers and names.

use std::fs::File;

use crate::adapter::Layout;
use crate::facts::{Facts, identity};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(fd_01_the_rpc_socket_is_fd_3_without_grants).also(&["RPC-01"]).each_layout(),
    case!(fd_02_in_rpc_first_the_nth_grant_is_fd_3_plus_n),
    case!(fd_03_in_grants_first_the_nth_grant_is_fd_2_plus_n),
    case!(fd_04_a_layout_is_chosen_by_name),
    case!(fd_05_an_unknown_layout_is_refused),
    case!(fd_06_grants_count_among_themselves).each_layout(),
    case!(fd_07_names_lead_to_the_same_in_any_order).each_layout(),
    case!(fd_08_each_grant_has_its_variable).each_layout(),
    case!(fd_09_ww_rpc_fd_holds_the_sockets_number).each_layout(),
    case!(fd_15_sources_may_be_targets_in_any_permutation).each_layout(),
    case!(fd_16_three_hundred_grants_arrive).each_layout(),
    case!(fd_17_eight_grants_fit_a_limit_of_64),
    case!(fd_21_nothing_else_is_open).each_layout(),
    case!(fd_21_nothing_else_is_open_beside_grants).each_layout(),
];

/// Runs the probe with files granted in this order, each under its own number of the caller.
fn granted(suite: &Suite<'_>, grants: &[(&str, i32)]) -> Verdict<(Facts, Vec<(u64, u64)>)> {
    let mut run = suite.ww();
    let mut identities = Vec::new();
    for (name, number) in grants {
        let file = suite.file(name, name)?;
        identities.push(identity(&file)?);
        run = run.grant(name, *number).place(*number, &file);
    }
    Ok((run.probe(["facts"]).run()?.facts()?, identities))
}

/// Checks that the grants lie where a layout has them, and the RPC socket too.
fn lie_as(layout: Layout, facts: &Facts, identities: &[(u64, u64)]) -> Verdict {
    let count = i32::try_from(identities.len()).unwrap_or(i32::MAX);
    let rpc = layout.rpc(count);
    // Which grant lies where, counted from 1; none where another file does.
    let of = |file: Option<(u64, u64)>| identities.iter().position(|own| Some(*own) == file).map(|at| at + 1);
    let found: Vec<_> = (1..=count).map(|nth| of(facts.identity(layout.grant(nth)))).collect();
    let wanted: Vec<_> = (1..=identities.len()).map(Some).collect();
    same(format!("grants in {}, by number", layout.name()), found, wanted)?;
    let socket = facts.fd(rpc);
    let what = format!("fd {rpc} is the RPC socket, a connected AF_UNIX stream");
    holds(what, socket.is_some_and(|fd| fd.is_connected_stream()), socket)
}

fn fd_01_the_rpc_socket_is_fd_3_without_grants(suite: &Suite<'_>) -> Verdict {
    let (facts, none) = granted(suite, &[])?;
    lie_as(suite.layout(), &facts, &none)
}

fn in_layout(suite: &Suite<'_>, layout: Layout) -> Verdict {
    let adapter = suite.setup().adapter();
    if adapter.layout != layout && adapter.layout_flag.is_none() {
        return Err(Stop::NotApplicable(format!("the implementation has the layout {} alone", adapter.layout.name())));
    }
    let suite = suite.in_layout(layout);
    for grants in [&[("one", 9)][..], &[("a", 9), ("b", 7), ("c", 11), ("d", 8), ("e", 10)]] {
        let (facts, identities) = granted(&suite, grants)?;
        lie_as(layout, &facts, &identities)?;
    }
    Ok(())
}

fn fd_02_in_rpc_first_the_nth_grant_is_fd_3_plus_n(suite: &Suite<'_>) -> Verdict {
    in_layout(suite, Layout::RpcFirst)
}

fn fd_03_in_grants_first_the_nth_grant_is_fd_2_plus_n(suite: &Suite<'_>) -> Verdict {
    in_layout(suite, Layout::GrantsFirst)
}

fn fd_04_a_layout_is_chosen_by_name(suite: &Suite<'_>) -> Verdict {
    let adapter = suite.setup().adapter();
    let file = suite.file("a", "a")?;
    let run = suite.ww().grant("a", 9).place(9, &file).probe(["facts"]).run()?;
    lie_as(adapter.layout, &run.facts()?, &[identity(&file)?])?;
    for layout in Layout::ALL.into_iter().filter(|_| adapter.layout_flag.is_some()) {
        let flag = adapter.layout_flag.as_deref().unwrap_or_default();
        let run = suite.ww().flags([flag, layout.name()]).grant("a", 9).place(9, &file).probe(["facts"]).run()?;
        lie_as(layout, &run.facts()?, &[identity(&file)?])?;
    }
    Ok(())
}

fn fd_05_an_unknown_layout_is_refused(suite: &Suite<'_>) -> Verdict {
    let Some(flag) = &suite.setup().adapter().layout_flag else {
        return Err(Stop::NotApplicable("the implementation has no option that chooses a layout".into()));
    };
    for value in ["sideways", "", "RPC-FIRST", "rpc_first"] {
        suite.ww().flags([flag, value]).probe(["facts"]).run()?.refuses(2, "", flag)?;
    }
    Ok(())
}

fn fd_06_grants_count_among_themselves(suite: &Suite<'_>) -> Verdict {
    let files = [suite.file("a", "a")?, suite.file("b", "b")?, suite.file("c", "c")?];
    let run = suite.ww().flags(["--env", "A=1"]).grant("m", 20).flags(["--env", "B=1"]).grant("a", 30);
    let run = run.flags(["--ipfs", "/ip4/127.0.0.1/tcp/9/http"]).grant("z", 10).probe(["facts"]);
    let run = run.place(10, &files[2]).place(20, &files[0]).place(30, &files[1]).run()?;
    let identities = [identity(&files[0])?, identity(&files[1])?, identity(&files[2])?];
    lie_as(suite.layout(), &run.facts()?, &identities)
}

fn fd_07_names_lead_to_the_same_in_any_order(suite: &Suite<'_>) -> Verdict {
    let grants = [("a", 9), ("b", 8), ("c", 7)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let ordered = order.map(|at| grants[at]);
        let (facts, identities) = granted(suite, &ordered)?;
        for ((name, _), wanted) in ordered.iter().zip(identities) {
            let variable = format!("WW_FD_{}", name.to_uppercase());
            let found = facts.number(&variable).and_then(|number| facts.identity(number));
            same(format!("what {variable} leads to, granted as {ordered:?}"), found, Some(wanted))?;
        }
    }
    Ok(())
}

fn fd_08_each_grant_has_its_variable(suite: &Suite<'_>) -> Verdict {
    let (facts, _) = granted(suite, &[("db", 9), ("Cache_2", 8), ("_", 7)])?;
    let layout = suite.layout();
    for (nth, variable) in (1..).zip(["WW_FD_DB", "WW_FD_CACHE_2", "WW_FD__"]) {
        same(variable, facts.values(variable), vec![layout.grant(nth).to_string().as_str()])?;
    }
    let all = facts.env.iter().filter(|entry| entry.starts_with("WW_FD_")).count();
    same("variables that begin with WW_FD_", all, 3)
}

fn fd_09_ww_rpc_fd_holds_the_sockets_number(suite: &Suite<'_>) -> Verdict {
    for grants in [&[][..], &[("a", 9), ("b", 8)]] {
        let (facts, _) = granted(suite, grants)?;
        let wanted = suite.layout().rpc(i32::try_from(grants.len()).unwrap_or(0)).to_string();
        same("WW_RPC_FD", facts.values("WW_RPC_FD"), vec![wanted.as_str()])?;
    }
    Ok(())
}

fn fd_15_sources_may_be_targets_in_any_permutation(suite: &Suite<'_>) -> Verdict {
    for [a, b, c] in [[3, 4, 5], [3, 5, 4], [4, 3, 5], [4, 5, 3], [5, 3, 4], [5, 4, 3], [4, 5, 6], [6, 5, 4], [3, 6, 4]]
    {
        let (facts, identities) = granted(suite, &[("a", a), ("b", b), ("c", c)])?;
        lie_as(suite.layout(), &facts, &identities)?;
        if suite.judges("FD-21") {
            same(format!("open descriptors, granted {a}, {b}, {c}"), facts.fds.len(), 7)?;
        }
    }
    Ok(())
}

fn fd_16_three_hundred_grants_arrive(suite: &Suite<'_>) -> Verdict {
    let names: Vec<(String, i32)> = (0..300).map(|at| (format!("n{at}"), 3 + (at * 7) % 300)).collect();
    let grants: Vec<(&str, i32)> = names.iter().map(|(name, number)| (name.as_str(), *number)).collect();
    let (facts, identities) = granted(suite, &grants)?;
    lie_as(suite.layout(), &facts, &identities)
}

fn fd_17_eight_grants_fit_a_limit_of_64(suite: &Suite<'_>) -> Verdict {
    let files: Vec<File> = (0..8).map(|at| suite.file(&format!("f{at}"), "x")).collect::<Result<_, _>>()?;
    let mut run = suite.ww().limit(libc::RLIMIT_NOFILE, 64, Some(64));
    for (number, file) in (56..).zip(&files) {
        run = run.grant(&format!("g{number}"), number).place(number, file);
    }
    let identities: Vec<_> = files.iter().map(identity).collect::<Result<_, _>>()?;
    lie_as(suite.layout(), &run.probe(["facts"]).run()?.facts()?, &identities)
}

fn fd_21_nothing_else_is_open(suite: &Suite<'_>) -> Verdict {
    let file = suite.file("open", "x")?;
    let run = suite.ww().probe(["facts"]).place(3, &file).place(9, &file).place(200, &file).place(1000, &file).run()?;
    run.same("open descriptors", run.facts()?.numbers(), vec![0, 1, 2, 3])?;
    Ok(())
}

fn fd_21_nothing_else_is_open_beside_grants(suite: &Suite<'_>) -> Verdict {
    let (file, other) = (suite.file("open", "x")?, suite.file("other", "x")?);
    let run = suite.ww().grant("a", 9).grant("b", 4).probe(["facts"]);
    let run = run.place(9, &file).place(4, &file).place(5, &other).place(6, &other).place(300, &other).run()?;
    run.same("open descriptors", run.facts()?.numbers(), vec![0, 1, 2, 3, 4, 5])?;
    Ok(())
}
