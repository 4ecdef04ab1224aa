//! Faults of descriptors and of what a cell inherits; the bare model is their control.

use super::super::Fault;

pub const FAULTS: &[Fault] = &[
    Fault::bare("socket-on-4", "FD-01", "puts the RPC socket on fd 4"),
    Fault::bare("socket-first-in-both-layouts", "FD-03", "puts the RPC socket before the grants in both layouts"),
    Fault::bare("socket-misnamed", "FD-09", "counts WW_RPC_FD one too far"),
    Fault::bare("socket-named-3", "FD-09", "says 3 in WW_RPC_FD in both layouts"),
    Fault::bare("grants-misnamed", "FD-08", "counts WW_FD_<NAME> one too far"),
    Fault::bare("host-end-leaked", "FD-21", "leaves the host's end of the RPC socket open in the cell"),
    Fault::bare("env-one-leak", "ENV-03", "passes HOME on"),
    Fault::bare("signals-ignored", "STDIO-09", "leaves signals ignored that its caller ignores"),
    Fault::bare("signals-blocked", "STDIO-09", "leaves signals blocked that its caller blocks"),
    Fault::bare("pipe-signal-ignored", "STDIO-09", "leaves SIGPIPE as its own library has it, ignored"),
    Fault::bare("umask-kept", "STDIO-10", "leaves its caller's umask"),
    Fault::bare("umask-077", "STDIO-10", "sets the umask to 077"),
    Fault::bare("groups-kept", "STDIO-11", "leaves its caller's supplementary groups"),
    Fault::bare("one-group-kept", "STDIO-11", "leaves the first of its caller's supplementary groups"),
    Fault::bare("limits-kept", "STDIO-12", "leaves its caller's soft limits"),
    Fault::bare("limit-of-files-kept", "STDIO-12", "leaves its caller's limit of open files"),
    Fault::bare("limit-of-stack-kept", "STDIO-12", "leaves its caller's limit of the stack"),
    Fault::bare("privileges-new", "JAIL-03", "doesn't set no_new_privs"),
];
