//! The zoo's README, made of the list: `ww-faulty --readme`.

use super::{CONTROLS, FAULTS, Fault};

const ABOVE: &str = "\
# The zoo

Faulty implementations of `ww run`, one fault each: the suite is only as good as what it finds here.
`ww-faulty FAULT run …` does one thing wrong. Most faults stand before a real `ww`, which `WW_REAL` names;
others are small implementations of their own, for what no wrapper can make.

`ww-conformance zoo` shows that

- each fault is found by a case of each clause in its row, and by one that the fault's control passes: that is the
  same implementation without the fault, so that the fault is found for its own reason; where a group names no
  control it is the real `ww`, which the suite judges,
- each clause that has a case has a fault.

A clause whose cases let a fault pass is a fault of the suite. `ww-conformance zoo WORD…` runs only
faults that have a word in their name, or that a clause of that id must find.

This file is what `ww-faulty --readme` prints; a test compares it.

## Controls

| control | what it is |
|---|---|
";

/// The whole file.
pub fn text() -> String {
    let mut text = ABOVE.to_owned();
    for (name, what, _) in CONTROLS {
        text += &format!("| `{name}` | {what} |\n");
    }
    for (title, faults) in FAULTS {
        text += &format!("\n## {title}\n\n| fault | found by | control | what is wrong |\n|---|---|---|---|\n");
        faults.iter().for_each(|fault| text += &row(fault));
    }
    text
}

fn row(fault: &Fault) -> String {
    let control = if fault.control == "-" { "`ww`".to_owned() } else { format!("`{}`", fault.control) };
    format!("| `{}` | {} | {control} | {} |\n", fault.name, fault.clauses, fault.what)
}
