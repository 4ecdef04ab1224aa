//! Faulty implementations of `ww run`, one fault each: what the suite must find.
//!
//! What it does: called as `ww-faulty FAULT run …`, it does one thing wrong. Most faults stand before the real
//! `ww` that `WW_REAL` names: they change the words ([`words`], [`grants`],
//! [`entries`]), refuse what is right ([`refused`]) or take what is
//! wrong ([`wrong`], [`paths`], [`trees`]), change codes and messages ([`told`]), stand between the cell and its caller ([`around`],
//! [`status`]), give another level of the jail ([`levels`]), lessen what cells and peers have of each other ([`languages`]), bound it otherwise ([`bounds`]) or ask and fetch in a way of their own ([`endpoint`], [`ipfs`], [`fetch`], [`sources`], [`cars`]), spoil the store ([`store`]) or what a cell puts there ([`puts`]), or tell what goes on otherwise ([`telling`]); some stand before its other
//! commands ([`tools`], [`imports`]). Others are small implementations of their own ([`model`]).
//! `ww-faulty --list` prints one line each: `fault` or `control`, its name, the clauses whose cases must fail, its
//! control, and what it does. A control has no fault, and differs from the fault by that alone; where none is
//! named (`-`) it is the real `ww` itself.
//! What must stay true: what a fault doesn't touch is as its control does it.

mod around;
mod bounds;
mod call;
mod cars;
mod endpoint;
mod entries;
mod fetch;
mod grants;
mod imports;
mod ipfs;
mod languages;
mod levels;
mod model;
mod paths;
mod peers;
mod puts;
mod readme;
mod refused;
mod sources;
mod status;
mod store;
mod telling;
mod told;
mod tools;
mod trees;
mod words;
mod wrong;

use std::process::ExitCode;

use call::Call;
use model::{Jail, Wrong};
use tools::Tool;

/// How a fault or a control is done.
#[derive(Clone, Copy)]
enum Act {
    /// Around the real one.
    Wrapper(fn(Call) -> ExitCode),
    /// Around another command of the real one than `run`, which it leaves as it is.
    Tool(fn(Tool) -> ExitCode),
    /// By the model; a fault's name is what it is to do wrong.
    Model(Jail),
}

/// One fault: its name, the clauses that must find it, what is wrong, and how it is done.
struct Fault {
    name: &'static str,
    clauses: &'static str,
    what: &'static str,
    control: &'static str,
    act: Act,
}

impl Fault {
    /// One around the real `ww`, which is its control.
    const fn new(name: &'static str, clauses: &'static str, what: &'static str, act: fn(Call) -> ExitCode) -> Self {
        Self { name, clauses, what, control: "-", act: Act::Wrapper(act) }
    }

    /// One around another command of the real `ww`.
    const fn tool(name: &'static str, clauses: &'static str, what: &'static str, act: fn(Tool) -> ExitCode) -> Self {
        Self { name, clauses, what, control: "-", act: Act::Tool(act) }
    }

    /// One of the model without a jail.
    const fn bare(name: &'static str, clauses: &'static str, what: &'static str) -> Self {
        Self { name, clauses, what, control: "model", act: Act::Model(Jail::None) }
    }

    /// One of the model that bubblewrap jails.
    const fn jailed(name: &'static str, clauses: &'static str, what: &'static str) -> Self {
        Self { name, clauses, what, control: "jailed-model", act: Act::Model(Jail::Bubblewrap) }
    }

    /// Names another control.
    const fn control(mut self, control: &'static str) -> Self {
        self.control = control;
        self
    }
}

/// All faults, by what they touch.
const FAULTS: &[(&str, &[Fault])] = &[
    ("Words of the command line", words::FAULTS),
    ("Grants", grants::FAULTS),
    ("Path grants", paths::FAULTS),
    ("Environment", entries::FAULTS),
    ("What is right, refused", refused::FAULTS),
    ("What is wrong, taken; what is asked, done otherwise or too early", wrong::FAULTS),
    ("Exit codes and messages", told::FAULTS),
    ("Streams, signals, and what is left", around::FAULTS),
    ("`--status-fd`", status::FAULTS),
    ("Peers", peers::FAULTS),
    ("Bounds", bounds::FAULTS),
    ("Endpoints", endpoint::FAULTS),
    ("Retrieval", ipfs::FAULTS),
    ("Fetched files", fetch::FAULTS),
    ("Sources of content, and the store", sources::FAULTS),
    ("Whole trees of a gateway's", cars::FAULTS),
    ("The store", store::FAULTS),
    ("What a cell puts and pins", puts::FAULTS),
    ("`ww export`, `ww store` and `ww idgen`", tools::FAULTS),
    ("`ww import`", imports::FAULTS),
    ("Trees that `--ro` shows", trees::FAULTS),
    ("Progress, and `-v`", telling::FAULTS),
    ("Descriptors, and what a cell inherits", model::faults::FAULTS),
    ("RPC", model::faults_rpc::FAULTS),
    ("RPC: access, pins, nodes and blocks", model::faults_methods::FAULTS),
    ("RPC with a hostile cell", model::faults_hostile::FAULTS),
    ("RPC: `read` and `write`", model::faults_streams::FAULTS),
    ("Cells and peers in four languages", languages::FAULTS),
    ("The jail", model::faults_jail::FAULTS),
    ("Levels of the jail", levels::FAULTS),
    ("The seccomp filter", model::faults_seccomp::FAULTS),
];

/// What has no fault: name, what it is, how it is done.
const CONTROLS: [(&str, &str, Act); 9] = [
    ("model", "a small implementation without a jail", Act::Model(Jail::None)),
    ("jailed-model", "the same one, jailed by bubblewrap", Act::Model(Jail::Bubblewrap)),
    ("stands-by", "waits for the real one, and passes signals and exit codes on", Act::Wrapper(around::stands_by)),
    ("restates", "takes the real one's status lines in, and writes them again", Act::Wrapper(status::restates)),
    ("proxies", "has a stock libp2p stand before the real one", Act::Wrapper(peers::proxies)),
    ("relays", "has a relay of TCP stand before the real one", Act::Wrapper(peers::relays)),
    ("fetches", "fetches by the daemon's `cat`, keeps the file apart and clears up", Act::Wrapper(fetch::fetches)),
    ("repeats", "takes the real one's messages in, and says them again", Act::Wrapper(told::repeats)),
    ("reprints", "takes in what the cell prints, and prints it again", Act::Wrapper(puts::reprints)),
];

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let Some(name) = args.next() else { return says("ww-faulty: no fault is named", 99) };
    let all = || FAULTS.iter().flat_map(|(_, faults)| *faults);
    if name == "--list" {
        for (name, what, _) in CONTROLS {
            println!("control\t{name}\t\t\t{what}");
        }
        for fault in all() {
            println!("fault\t{}\t{}\t{}\t{}", fault.name, fault.clauses, fault.control, fault.what);
        }
        return ExitCode::SUCCESS;
    }
    if name == "--readme" {
        print!("{}", readme::text());
        return ExitCode::SUCCESS;
    }
    if name == "--cell" {
        let wrong = args.next().and_then(|name| all().find(|fault| name == fault.name)).map_or("", |fault| fault.name);
        return model::cell::main(Wrong(wrong), &args.next().unwrap_or_default().to_string_lossy());
    }
    let fault = all().find(|fault| name == fault.name).map(|fault| (fault.act, Wrong(fault.name)));
    let control = || CONTROLS.into_iter().find(|control| name == control.0).map(|(_, _, act)| (act, Wrong("")));
    let verb = args.next().unwrap_or_default();
    let chosen = fault.or_else(control);
    if verb != "run" {
        let tool = Tool { verb, words: args.collect() };
        return match chosen {
            // `export-…` is of `export`.
            Some((Act::Tool(act), Wrong(fault))) if fault.starts_with(&*tool.verb.to_string_lossy()) => act(tool),
            Some(_) => tool.become_real(),
            None => says(&format!("ww-faulty: no such fault: {}", name.display()), 99),
        };
    }
    let call = Call::parse(args);
    match chosen {
        Some((Act::Tool(_), _)) => call.become_real(),
        Some((Act::Wrapper(act), _)) => act(call),
        Some((Act::Model(jail), wrong)) => model::run(&call, jail, wrong),
        None => says(&format!("ww-faulty: no such fault: {}", name.display()), 99),
    }
}

/// Says a line on standard error; gives an exit code.
fn says(line: &str, code: u8) -> ExitCode {
    eprintln!("{line}");
    ExitCode::from(code)
}
