//! Text of others, made fit for a message: an error, a note, a terminal.
//!
//! - What must stay true: what comes out is one line of bounded length, whatever went in.

/// How much of a text is in a message, in characters.
const MESSAGE_LIMIT: usize = 500;

/// A text of others, cut and made fit for one line of a terminal.
pub(crate) fn tame(text: &str) -> String {
    let text = text.trim();
    let mut tame: String = text.chars().take(MESSAGE_LIMIT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MESSAGE_LIMIT).is_some() {
        tame.push('…');
    }
    tame
}
