//! Properties: rules that hold for any grants, environment and arguments, tried with kept inputs and
//! with generated ones; what fails is made as small as it can be.
//!
//! What it does: each case draws inputs, asks the oracle ([`model`]) what the clauses say of them, and
//! compares. Kept inputs lie in `kept/`, one file a case.
//! What must stay true: an input is plain data, which a person can read, keep and change.

#[path = "properties/arguments.rs"]
mod arguments;
#[path = "properties/environment.rs"]
mod environment;
#[path = "properties/grants.rs"]
mod grants;
#[path = "properties/model.rs"]
mod model;
#[path = "properties/refused.rs"]
mod refused;

use arguments::cli_02_any_arguments_arrive;
use environment::env_07_any_environment_is_as_its_entries_say;
use grants::{fd_07_any_order_of_grants_leads_to_the_same, fd_08_any_grants_lie_where_the_layout_says};
use refused::{env_12_any_entry_that_cannot_be_trusted_is_refused, fd_28_any_ill_formed_grant_is_refused};

use crate::registry::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case!(fd_07_any_order_of_grants_leads_to_the_same).also(&["FD-06"]).each_layout(),
    case!(fd_08_any_grants_lie_where_the_layout_says)
        .also(&["FD-02", "FD-03", "FD-06", "FD-10", "FD-14", "FD-15", "FD-21"])
        .each_layout(),
    case!(fd_28_any_ill_formed_grant_is_refused)
        .also(&["FD-24", "FD-25", "FD-26", "FD-27", "FD-29", "FD-30", "FD-31", "FD-32", "CLI-09"]),
    case!(env_07_any_environment_is_as_its_entries_say)
        .also(&["ENV-01", "ENV-02", "ENV-04", "ENV-05", "ENV-06", "ENV-08", "ENV-09", "ENV-10"]),
    case!(env_12_any_entry_that_cannot_be_trusted_is_refused).also(&["ENV-11", "CLI-09"]),
    case!(cli_02_any_arguments_arrive),
];
