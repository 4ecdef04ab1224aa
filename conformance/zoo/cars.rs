//! Faults of what a gateway gives of whole trees: what is made of a CAR, and whether one is asked for.

use std::io::Write;
use std::process::Stdio;

use super::sources::get;
use super::tools::{Tool, code};
use super::{Fault, says};

pub const FAULTS: &[Fault] =
    &[
        Fault::tool("import-car-or-nothing", "STORE-60", "fails where a gateway's CAR isn't a whole one", |tool| {
            match car(&tool) {
                Some(car) if parts(&car).len() < 2 => says("ww: failed to get IPFS path: the CAR isn't whole", 1),
                _ => tool.become_real(),
            }
        }),
        Fault::tool("import-car-kept-whole", "STORE-60", "keeps all that a CAR has in it", |tool| {
            let car = car(&tool).unwrap_or_default();
            let ended = tool.ended();
            for part in parts(&car).iter().skip(1) {
                // What is behind the CID, of a block that is a file of its own.
                if let Some(block) = part.get(36..).filter(|block| block.starts_with(b"#!")) {
                    let export = Tool { verb: "export".into(), words: vec!["-".into()] };
                    let child = export.real().stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
                    if let Ok(mut child) = child {
                        child.stdin.take().map(|mut stdin| stdin.write_all(block).ok());
                        child.wait().ok();
                    }
                }
            }
            code(&ended)
        }),
        Fault::tool("import-block-by-block", "STORE-61", "asks a gateway for each block", |tool| {
            let gateway = gateway(&tool).unwrap_or_default();
            for _ in 0..50 {
                get(&gateway, "/ipfs/bafkqaaa?format=raw", "application/vnd.ipld.raw");
            }
            tool.become_real()
        }),
    ];

/// The gateway that is named.
fn gateway(tool: &Tool) -> Option<String> {
    let at = tool.words.iter().position(|word| word == "--gateway")?;
    Some(tool.words.get(at + 1)?.to_string_lossy().into_owned())
}

/// What a gateway gives of the tree as a CAR.
fn car(tool: &Tool) -> Option<Vec<u8>> {
    let path = tool.words.iter().map(|word| word.to_string_lossy()).find(|word| word.starts_with("/ipfs/"))?;
    let (_, car) = get(&gateway(tool)?, &format!("{path}?format=car"), "application/vnd.ipld.car")?;
    Some(car)
}

/// The header and the blocks, with their CIDs, as far as they are whole.
fn parts(car: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut rest) = (Vec::new(), car);
    while let Some(end) = rest.iter().take(5).position(|byte| byte & 0x80 == 0) {
        let length = rest[..=end].iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
        let Some((part, after)) = rest[end + 1..].split_at_checked(length) else { break };
        parts.push(part);
        rest = after;
    }
    parts
}
