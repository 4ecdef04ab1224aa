//! The environment that a cell sees.

use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, same};

pub(crate) const CASES: &[Case] =
    &[case!(env_01_env_flag_sets_a_variable), case!(env_03_nothing_of_the_host_comes_along)];

fn env_01_env_flag_sets_a_variable(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().flags(["--env", "A=1", "--env", "B=two words"]).probe(["facts"]).run()?;
    let facts = run.facts()?;
    run.check(|_| same("A", facts.values("A"), vec!["1"]))?;
    run.check(|_| same("B", facts.values("B"), vec!["two words"]))
}

fn env_03_nothing_of_the_host_comes_along(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().env("SECRET", "1").probe(["facts"]).run()?;
    run.check(|run| same("environment", run.facts()?.env, vec!["WW_RPC_FD=3".to_owned()]))
}
