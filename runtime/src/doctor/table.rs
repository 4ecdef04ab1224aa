//! The findings as a table for people.

use std::fmt;

use super::{Findings, State};

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.root { "root" } else { "an ordinary user" };
        writeln!(f, "Linux {}, as {who}\n", self.kernel)?;
        for finding in &self.parts {
            let state = match finding.state {
                State::Available => "available",
                State::Absent => "absent",
                State::Refused => "refused",
            };
            let why = finding.why.as_deref().or(finding.detail.as_deref()).unwrap_or_default();
            writeln!(f, "{}", format!("  {:<20}{state:<11}{why}", finding.part).trim_end())?;
            if let Some(remedy) = &finding.remedy {
                writeln!(f, "{:33}{remedy}", "")?;
            }
        }
        writeln!(f)?;
        for one in &self.levels {
            let can = if one.available { "yes" } else { "no" };
            writeln!(f, "  {:<20}{can}", format!("--jail {}", one.level))?;
        }
        Ok(())
    }
}
