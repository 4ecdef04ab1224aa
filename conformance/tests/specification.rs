//! What a specification may not be: each fault in a small text of its own is an error of its own.

use ww_conformance::clauses::{Area, ClauseError, Level, Origin, Profile, Specification, Status, Testability, prose};

const CLAUSE: &str = r#"
[[clause]]
id = "FD-01"
level = "MUST"
text = "Water is wet."
source = "ruling 1"
origin = "ruling"
profile = "core"
testability = "automatic"
status = "active"
"#;

/// A specification with all areas, one heading, one ruling, and the clauses given.
fn spec(clauses: &str) -> Result<Specification, ClauseError> {
    Specification::parse(&whole(clauses))
}

fn whole(clauses: &str) -> String {
    let mut text = String::from("sections = [\"Usage\"]\nnumber = []\n");
    for area in Area::ALL {
        text += &format!("[[area]]\nprefix = \"{area}\"\ntitle = \"t\"\nintro = \"i\"\n");
    }
    text + "[[ruling]]\nnumber = 1\ntitle = \"t\"\ntext = \"x\"\n" + clauses
}

/// The clause of [`CLAUSE`] with one line replaced by others.
fn with(line: &str, instead: &str) -> String {
    assert!(CLAUSE.contains(line), "{line} isn't in the clause that the test changes");
    CLAUSE.replace(line, instead)
}

/// The message of the error that reading this gives, with its cause.
fn format_fault(clauses: &str) -> String {
    match spec(clauses).unwrap_err() {
        ClauseError::Format(cause) => cause.message().to_owned(),
        other => panic!("another fault than the format: {other}"),
    }
}

#[test]
fn a_clause_is_found_by_its_id_and_has_its_fields() {
    let spec = spec(CLAUSE).unwrap();
    let clause = spec.clause("FD-01".parse().unwrap()).unwrap();
    assert_eq!((clause.level, clause.origin, clause.profile), (Level::Must, Origin::Ruling, Profile::Core));
    assert_eq!((clause.text.as_str(), clause.source.as_str()), ("Water is wet.", "ruling 1"));
    assert!(clause.needs_case() && !clause.is_pending() && clause.disputed.is_none());
    assert!(spec.clause("FD-02".parse().unwrap()).is_none());
}

#[test]
fn an_unknown_field_is_refused() {
    assert!(format_fault(&(CLAUSE.to_owned() + "excluded = \"no\"\n")).contains("unknown field `excluded`"));
    let top = Specification::parse(&("colour = 1\n".to_owned() + &whole(CLAUSE)));
    assert!(matches!(top, Err(ClauseError::Format(_))));
}

#[test]
fn a_missing_field_is_refused() {
    for field in ["id", "level", "text", "source", "origin", "profile", "testability", "status"] {
        let line = CLAUSE.lines().find(|line| line.starts_with(&format!("{field} ="))).unwrap();
        assert_eq!(format_fault(&with(line, "")), format!("missing field `{field}`"));
    }
}

#[test]
fn an_unknown_word_is_refused() {
    for (line, instead) in [
        ("level = \"MUST\"", "level = \"must\""),
        ("origin = \"ruling\"", "origin = \"habit\""),
        ("profile = \"core\"", "profile = \"gpu\""),
        ("testability = \"automatic\"", "testability = \"not-testable\""),
        ("testability = \"automatic\"", "testability = { automatic = \"why\" }"),
        ("status = \"active\"", "status = \"later\""),
    ] {
        assert!(matches!(spec(&with(line, instead)), Err(ClauseError::Format(_))), "{instead}");
    }
}

#[test]
fn an_id_out_of_area_is_refused() {
    let message = format_fault(&with("FD-01", "GPU-01"));
    assert!(message.contains("GPU-01") && message.contains("no area"), "{message}");
}

#[test]
fn a_duplicate_id_is_refused() {
    let fault = spec(&CLAUSE.repeat(2)).unwrap_err();
    assert!(matches!(fault, ClauseError::DuplicateId(id) if id.to_string() == "FD-01"));
}

#[test]
fn a_clause_out_of_order_is_refused() {
    for before in ["FD-02", "ENV-01"] {
        let fault = spec(&(with("FD-01", before) + CLAUSE)).unwrap_err();
        assert!(matches!(fault, ClauseError::OutOfOrder(id) if id.to_string() == "FD-01"));
    }
}

#[test]
fn pending_needs_a_reason_and_active_has_none() {
    let line = "status = \"active\"";
    for silent in ["status = \"pending\"", "status = \"pending\"\npending = \" \""] {
        assert!(matches!(spec(&with(line, silent)), Err(ClauseError::PendingWithoutReason(_))));
    }
    let both = with(line, "status = \"active\"\npending = \"soon\"");
    assert!(matches!(spec(&both), Err(ClauseError::ActiveWithReason(_))));

    let pending = spec(&with(line, "status = \"pending\"\npending = \"soon\"")).unwrap();
    assert_eq!(pending.clauses()[0].status, Status::Pending("soon".into()));
    assert!(!pending.clauses()[0].needs_case());
}

#[test]
fn not_testable_needs_a_reason() {
    let line = "testability = \"automatic\"";
    let mute = with(line, "testability = { not-testable = \"\" }");
    assert!(matches!(spec(&mute), Err(ClauseError::Wording(_))));

    let said = spec(&with(line, "testability = { not-testable = \"binds readers\" }")).unwrap();
    assert_eq!(said.clauses()[0].testability, Testability::NotTestable("binds readers".into()));
    assert!(!said.clauses()[0].needs_case());
}

#[test]
fn a_text_that_is_no_sentence_is_refused() {
    for text in ["", "Water is wet", "Water\\nis wet."] {
        assert!(matches!(spec(&with("Water is wet.", text)), Err(ClauseError::Wording(_))), "{text}");
    }
    let mute = CLAUSE.to_owned() + "disputed = \"\"\n";
    assert!(matches!(spec(&mute), Err(ClauseError::Wording(_))));
}

#[test]
fn a_source_that_does_not_exist_is_refused() {
    for (origin, source) in [
        ("ruling", "ruling 2"),
        ("ruling", "ruling 01"),
        ("ruling", "Usage"),
        ("source", "ruling 1"),
        ("source", "Abuse"),
    ] {
        let clause = with("source = \"ruling 1\"", &format!("source = \"{source}\""))
            .replace("origin = \"ruling\"", &format!("origin = \"{origin}\""));
        assert!(matches!(spec(&clause), Err(ClauseError::UnknownSource { .. })), "{origin} {source}");
    }
}

#[test]
fn areas_rulings_and_numbers_are_checked() {
    let text = whole(CLAUSE);
    let area = text.replacen("prefix = \"FD\"", "prefix = \"CLI\"", 1);
    assert!(matches!(Specification::parse(&area), Err(ClauseError::Areas(Some(Area::Cli), Some(Area::Fd)))));
    let ruling = text.replacen("number = 1", "number = 2", 1);
    assert!(matches!(Specification::parse(&ruling), Err(ClauseError::Rulings(2, 1))));
    let number = text.replacen("number = []", "number = [{ what = \"w\", value = \"v\", clause = \"FD-09\" }]", 1);
    assert!(matches!(Specification::parse(&number), Err(ClauseError::NumberOfNoClause(..))));
}

#[test]
fn the_document_shows_badges_reasons_and_sources() {
    let text = with("status = \"active\"", "disputed = \"Two readings.\"\nstatus = \"pending\"\npending = \"soon\"");
    let document = prose::document(&spec(&text).unwrap());
    let block = "### FD-01\n\nWater is wet.\n\n**MUST** · core · *disputed* · *pending* · ruling 1\n\n\
                 > Disputed: Two readings.\n\n> Pending: soon.\n";
    assert!(document.contains(block), "{document}");
}
