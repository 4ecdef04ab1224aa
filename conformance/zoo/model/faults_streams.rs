//! Faults of `read` and `write`; the bare model is their control.

use super::super::Fault;

pub const FAULTS: &[Fault] = &[
    Fault::bare("rpc-read-range-ignored", "RPC-26", "reads the whole file whatever range is asked for"),
    Fault::bare("rpc-read-length-is-end", "RPC-26", "takes a range's length for its end"),
    Fault::bare("rpc-read-unverified", "RPC-26", "hashes no block that it sends"),
    Fault::bare("rpc-read-end-missing", "RPC-26", "never calls `end`"),
    Fault::bare("rpc-read-sent-untold", "RPC-26", "says of every read that it sent nothing"),
    Fault::bare("rpc-write-8-mib-at-most", "RPC-27", "refuses a file larger than 8 MiB"),
    Fault::bare("rpc-write-first-chunk", "RPC-27", "stores what is written first alone"),
    Fault::bare("rpc-write-broken-is-stored", "RPC-27", "says that an upload is stored which broke off"),
    Fault::bare("rpc-read-all-in-memory", "RPC-40 RPC-43", "fetches the whole file before it sends any of it"),
    Fault::bare("rpc-read-chunks-of-1-mib", "RPC-40", "sends chunks of 1 MiB"),
    Fault::bare("rpc-read-broken-ends", "RPC-41", "calls `end` where a read breaks off"),
    Fault::bare("rpc-read-broken-is-whole", "RPC-41", "takes what it has for the file where a read breaks off"),
    Fault::bare("rpc-read-sink-ignored", "RPC-42", "goes on where the sink fails"),
    Fault::bare("rpc-read-outlives-call", "RPC-42", "goes on where the call is dropped"),
    Fault::bare("rpc-streams-unbounded", "RPC-44", "opens as many reads and uploads as are asked for"),
    Fault::bare("rpc-write-all-in-memory", "RPC-43 RPC-45", "sends nothing to the daemon before `finish`"),
    Fault::bare("rpc-write-after-end", "RPC-46", "takes what is written after `end`"),
    Fault::bare("rpc-finish-ends", "RPC-46", "takes `finish` for `end` as well"),
    Fault::bare("rpc-write-dropped-is-stored", "RPC-27", "stores an upload that is dropped"),
    Fault::bare("rpc-write-never-pins", "RPC-47", "pins nothing that is written"),
    Fault::bare("rpc-write-always-pins", "RPC-47", "pins all that is written"),
    Fault::bare("rpc-add-other-chunks", "RPC-48", "cuts what is added into leaves of 256 KiB"),
    Fault::bare("rpc-write-other-chunks", "RPC-48", "cuts what is written into leaves of 256 KiB"),
    Fault::bare("rpc-gateway-believed", "RPC-49", "believes the daemon's gateway"),
];
