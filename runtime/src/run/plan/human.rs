//! A plan as lines for people.

use std::fmt;

use super::{Plan, Together};

/// Columns of the first word of a line.
const NAME: usize = 20;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |text: &str| text.chars().flat_map(char::escape_debug).collect::<String>();
        writeln!(f, "jail       {}", self.jail)?;
        writeln!(f, "program    {}", plain(&self.program.path))?;
        let arguments: Vec<String> = self.program.arguments.iter().map(|word| format!("{word:?}")).collect();
        writeln!(f, "arguments  {}", arguments.join(" "))?;
        let who = &self.identity;
        writeln!(f, "user       {}:{} (on the host {}:{})", who.uid, who.gid, who.host_uid, who.host_gid)?;
        if !self.namespaces.is_empty() {
            writeln!(f, "namespaces {}", self.namespaces.join(" "))?;
        }
        writeln!(f, "session    {}", self.session)?;
        writeln!(f, "IPFS       {}", self.ipfs_access)?;
        writeln!(f, "peers      {}", self.peers.as_ref().map_or("none".to_owned(), ToString::to_string))?;
        writeln!(f, "directory  {}", plain(&self.workdir))?;
        let names: Vec<String> = self.environment.iter().map(|name| plain(name)).collect();
        writeln!(f, "variables  {}", names.join(" "))?;
        writeln!(f, "\ndescriptors")?;
        for one in &self.descriptors {
            let from = one.from.map(|from| format!("from {from}")).unwrap_or_default();
            let line =
                format!("  {:<4}{:<18}{:<18}{from}", one.fd, one.is, one.variable.as_deref().unwrap_or_default());
            writeln!(f, "{}", line.trim_end())?;
        }
        writeln!(f, "\nview")?;
        if self.view.is_empty() {
            writeln!(f, "  the host's")?;
        }
        for entry in &self.view {
            let from = entry.from.as_deref().map(plain).unwrap_or_else(|| entry.options.join(" "));
            writeln!(f, "  {}", format!("{:<NAME$} {:<10} {from}", plain(&entry.at), entry.is).trim_end())?;
        }
        let Together { milliseconds, memory, memory_by, processes, descriptors } = &self.bounds;
        let value = |bound: &Option<u64>| bound.map_or("unlimited".to_owned(), |bound| bound.to_string());
        writeln!(f, "\nbounds of all processes together")?;
        writeln!(f, "  {:<NAME$} {}", "milliseconds", value(milliseconds))?;
        writeln!(f, "  {:<NAME$} {memory} (by {memory_by})", "memory")?;
        writeln!(f, "  {:<NAME$} {}", "processes", value(processes))?;
        writeln!(f, "  {:<NAME$} {descriptors}", "descriptors")?;
        writeln!(f, "\nlimits")?;
        for limit in &self.limits {
            let value = |limit: Option<u64>| limit.map_or("unlimited".to_owned(), |limit| limit.to_string());
            writeln!(f, "  {:<NAME$} {} (hard {})", limit.resource, value(limit.soft), value(limit.hard))?;
        }
        writeln!(f, "\nLandlock")?;
        match &self.landlock {
            None => writeln!(f, "  none")?,
            Some(landlock) => {
                writeln!(f, "  {:<NAME$} {}", "handled", landlock.handled.join(" "))?;
                writeln!(f, "  {:<NAME$} {}", "network", landlock.network.join(" "))?;
                writeln!(f, "  {:<NAME$} {}", "scoped", landlock.scoped.join(" "))?;
                for rule in &landlock.rules {
                    writeln!(f, "  {:<NAME$} {}", plain(&rule.on), rule.allowed.join(" "))?;
                }
            }
        }
        let filter = self.seccomp.as_ref();
        let filter = filter.map(|one| format!("{} ({} instructions)", one.filter, one.instructions));
        writeln!(f, "\nseccomp filter\n  {}", filter.as_deref().unwrap_or("none"))
    }
}
