//! The cell side of `ww run`.
