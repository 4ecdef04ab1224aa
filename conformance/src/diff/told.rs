//! A difference in words that a person can act on.

use std::fmt;

use super::{AGAIN, Comparison, Difference};

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "A and B differ in {}", self.names().collect::<Vec<_>>().join(", "))?;
        for (name, a, b) in &self.aspects {
            writeln!(f, "  {name}\n    A: {a}\n    B: {b}")?;
        }
        writeln!(f, "input: {}", serde_json::to_string(&self.input).map_err(|_| fmt::Error)?)?;
        writeln!(f, "A: {}\nB: {}", self.commands[0], self.commands[1])?;
        if self.tries > 0 {
            write!(f, "seed {}, input {}, made smaller in {} steps; ", self.seed, self.tries, self.steps)?;
        }
        match self.again {
            AGAIN => write!(f, "seen again each of {AGAIN} times"),
            times => write!(f, "seen again {times} of {AGAIN} times: one side doesn't always do the same"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "{difference}\n")?;
        }
        write!(f, "A and B agreed in {} of {} inputs (seed {})", self.agreed, self.tried, self.seed)
    }
}
