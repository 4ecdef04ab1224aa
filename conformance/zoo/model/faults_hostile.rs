//! Faults that show to a hostile cell; the bare model is their control.

use super::super::Fault;

pub const FAULTS: &[Fault] = &[
    Fault::bare("rpc-any-message", "RPC-29", "takes messages of up to 64 MiB"),
    Fault::bare("rpc-8-mib-at-most", "RPC-29", "takes no message of more than 8 MiB"),
    Fault::bare("rpc-end-unexplained", "RPC-50", "ends a session without a word"),
    Fault::bare("rpc-descriptors-taken", "RPC-51", "overlooks descriptors that come with a message"),
    Fault::bare("rpc-cancellation-unheard", "RPC-52", "overlooks that a call is let go of"),
    Fault::bare("rpc-redirected-unanswered", "RPC-53", "doesn't answer a call whose results go elsewhere"),
    Fault::bare("rpc-type-ends-session", "RPC-54", "ends the session with a message of an unknown type"),
    Fault::bare("rpc-type-unanswered", "RPC-54", "doesn't answer a message of an unknown type"),
    Fault::bare("rpc-capabilities-kept", "RPC-55", "never releases a capability of the cell's"),
    Fault::bare("rpc-asks-unbidden", "RPC-56", "asks each cell at once for what it exports"),
    Fault::bare("rpc-unread-hung-up", "RPC-57", "hangs up on a cell that doesn't read for a second"),
    Fault::bare("rpc-messages-kept", "SELF-04", "keeps what a cell has sent, eight times"),
    Fault::bare("rpc-garbage-panics", "SELF-05", "panics over what isn't a message"),
    Fault::bare("rpc-descriptors-kept", "SELF-05", "keeps descriptors that come with a message"),
];
