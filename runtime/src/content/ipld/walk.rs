//! Goes through a block's events, and knows at which path each value is.
//!
//! What must stay true: nothing recurses; the path's text is as long as the keys that are open, and those are bytes of
//! the block.

use super::paced::Paced;
use super::{Event, Found, Link, Malformed};

/// Where a value is.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    /// The names before it, with slashes between; the root's is empty.
    pub(super) text: &'a str,
    /// How many names.
    pub(super) depth: usize,
    /// Whether the text tells the names: none is empty or has a slash in it.
    pub(super) told: bool,
}

/// An open map or list.
struct Frame {
    /// How much of the text is its own path.
    text: usize,
    told: bool,
    /// The number of the next value, in a list.
    index: Option<u64>,
}

/// Visits each value, a map or list before what is in it.
pub(super) async fn each<'a, E>(
    mut events: Paced<impl Iterator<Item = Result<Event<'a>, Malformed>>>,
    mut visit: impl FnMut(At<'_>, &Event<'_>) -> Result<(), E>,
    malformed: impl Fn(Malformed) -> E,
) -> Result<(), E> {
    let mut text = String::new();
    let mut told = true;
    let mut open: Vec<Frame> = Vec::new();
    while let Some(event) = events.next().await {
        let event = event.map_err(&malformed)?;
        match (&event, open.last_mut()) {
            (Event::End, _) => {
                open.pop();
                continue;
            }
            (Event::Key(name), Some(frame)) => {
                name_of(&mut text, frame, name);
                told = frame.told && !name.is_empty() && !name.contains('/');
                continue;
            }
            (_, Some(frame)) => {
                if let Some(index) = frame.index {
                    name_of(&mut text, frame, &index.to_string());
                    told = frame.told;
                    frame.index = Some(index + 1);
                }
            }
            (_, None) => {}
        }
        visit(At { text: &text, depth: open.len(), told }, &event)?;
        match event {
            Event::Map => open.push(Frame { text: text.len(), told, index: None }),
            Event::List => open.push(Frame { text: text.len(), told, index: Some(0) }),
            _ => {}
        }
    }
    Ok(())
}

fn name_of(text: &mut String, frame: &Frame, name: &str) {
    text.truncate(frame.text);
    // The root is the one whose children need no slash; a child of it may have an empty name too.
    if frame.text > 0 {
        text.push('/');
    }
    text.push_str(name);
}

/// Follows a path, which has a name, to the first link or to its end. Of a name that a map has twice the first counts.
pub(super) async fn find<'a, 'p>(
    mut events: Paced<impl Iterator<Item = Result<Event<'a>, Malformed>>>,
    path: &'p [String],
) -> Result<Found<'p>, Malformed> {
    let mut at = 0;
    let mut event = following(&mut events).await?;
    loop {
        let last = at == path.len();
        let missing = Ok(Found::Missing { at });
        event = match event {
            // A block that is a link as a whole has nothing inside: Kubo doesn't follow it either.
            Event::Link(_) if at == 0 => return missing,
            Event::Link(cid) => {
                let link = Link { name: path[..at].join("/").into(), size: 0, cid: *cid };
                return Ok(Found::Link { link, left: path.len() - at });
            }
            _ if last => return Ok(Found::Inside),
            Event::Map => loop {
                match following(&mut events).await? {
                    Event::Key(name) if *name == path[at] => break following(&mut events).await?,
                    Event::Key(_) => drop(pass(&mut events).await?),
                    _ => return missing,
                }
            },
            Event::List => {
                // As Kubo has it, "01" is 1 too.
                let Ok(index) = path[at].parse::<u64>() else { return missing };
                for _ in 0..index {
                    if !pass(&mut events).await? {
                        return missing;
                    }
                }
                following(&mut events).await?
            }
            Event::Scalar | Event::End | Event::Key(_) => return missing,
        };
        if event == Event::End {
            return missing;
        }
        at += 1;
    }
}

async fn following<'a>(
    events: &mut Paced<impl Iterator<Item = Result<Event<'a>, Malformed>>>,
) -> Result<Event<'a>, Malformed> {
    events.next().await.unwrap_or(Err("it ends in the middle"))
}

/// Passes over one value; `false`: there was none, but the end of the list or map.
async fn pass<'a>(events: &mut Paced<impl Iterator<Item = Result<Event<'a>, Malformed>>>) -> Result<bool, Malformed> {
    let mut open = 0_usize;
    loop {
        match following(events).await? {
            Event::Map | Event::List => open += 1,
            Event::End if open == 0 => return Ok(false),
            Event::End => open -= 1,
            Event::Key(_) => continue,
            Event::Link(_) | Event::Scalar => {}
        }
        if open == 0 {
            return Ok(true);
        }
    }
}
