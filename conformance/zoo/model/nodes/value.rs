//! Links and paths of a value of JSON, as the daemon shows a block.

use serde_json::{Value, json};
use ww_conformance::node::unixfs::cid_bytes;
use ww_schema::anchor_capnp::link;

use super::super::Wrong;
use super::super::content::{fields, text_of};

/// A link: its name, the size that it has, the CID.
pub struct Link {
    pub name: String,
    pub size: u64,
    pub cid: String,
}

/// A block of dag-pb as the daemon would show it, which takes it long where there are many links.
pub fn dag_pb(block: &[u8]) -> Option<Value> {
    let mut links = Vec::new();
    for (number, bytes, _) in fields(block)? {
        if number != 2 {
            continue;
        }
        let (mut name, mut size, mut cid) = (String::new(), 0, None);
        for (number, bytes, value) in fields(bytes)? {
            match number {
                1 => cid = Some(text_of(bytes)),
                2 => name = String::from_utf8_lossy(bytes).into_owned(),
                _ => size = value,
            }
        }
        links.push(json!({ "Hash": { "/": cid? }, "Name": name, "Tsize": size }));
    }
    Some(json!({ "Links": links }))
}

pub fn linked(value: &Value) -> Option<&str> {
    value.as_object().filter(|map| map.len() == 1).and_then(|map| map.get("/")?.as_str())
}

pub fn bytes(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.len() == 1 && map.get("/").is_some_and(Value::is_object))
}

pub fn child<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        Value::Object(map) => map.get(name),
        _ => None,
    }
}

/// All that is below a value, with its path.
pub fn below(value: &Value, at: &str, see: &mut dyn FnMut(&str, &Value)) {
    let join = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
    let mut each = |name: String, value: &Value| {
        see(&name, value);
        if linked(value).is_none() && !bytes(value) {
            below(value, &name, see);
        }
    };
    match value {
        Value::Array(list) => list.iter().enumerate().for_each(|(index, value)| each(join(&index.to_string()), value)),
        Value::Object(map) => map.iter().for_each(|(name, value)| each(join(&name.replace('/', "\0")), value)),
        _ => {}
    }
}

pub fn describe(link: &Link, wrong: Wrong, mut to: link::Builder<'_>) {
    to.set_name(if wrong.is("rpc-node-links-unnamed") { "" } else { &link.name });
    to.set_size(if wrong.is("rpc-node-links-sizeless") { 0 } else { link.size });
    let cid = cid_bytes(&link.cid).unwrap_or_default();
    to.set_cid(if wrong.is("rpc-node-links-as-text") { link.cid.as_bytes() } else { &cid });
}
