//! The command lines that a case begins with: the implementation, or any other command.

use super::Invocation;
use crate::suite::Suite;
use crate::verdict::Verdict;

impl<'a> Suite<'a> {
    /// A run of the implementation in the case's layout.
    #[must_use]
    pub fn ww(&'a self) -> Invocation<'a> {
        let adapter = self.setup().adapter();
        let mut run = self.command(&adapter.command).of_implementation();
        if let Some(arguments) = self.profile().and_then(|profile| adapter.arguments.get(&profile)) {
            run = run.flags(arguments);
        }
        if let (Some(flag), true) = (&adapter.layout_flag, self.layout() != adapter.layout) {
            run = run.flags([flag.as_str(), self.layout().name()]);
        }
        run
    }

    /// Another command of the implementation, as `export`.
    #[must_use]
    pub fn tool(&'a self, verb: &str) -> Invocation<'a> {
        self.command(&self.setup().adapter().tools).of_implementation().flags([verb])
    }

    /// A run of the implementation with the node's endpoint.
    ///
    /// # Errors
    /// Where there is no node.
    pub fn ww_with_node(&'a self) -> Verdict<Invocation<'a>> {
        Ok(self.ww().flags(["--ipfs", &self.node()?.endpoint()]))
    }

    /// A run of any command, with the surroundings of a run of the implementation.
    #[must_use]
    pub fn command<W: AsRef<[u8]>>(&'a self, words: impl IntoIterator<Item = W>) -> Invocation<'a> {
        Invocation::new(self, words)
    }
}
