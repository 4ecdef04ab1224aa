//! What is derived from results: scores, verdicts, merged parts, and every report; from streams that are
//! built here, with all that an implementation could put into them.

mod html;
mod junit;
mod merge;
mod sample;
mod score;
mod text;
mod valid;
