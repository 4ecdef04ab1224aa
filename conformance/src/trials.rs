//! Every case of the suite, in each layout that it asks for: what is run, and how one is.
//!
//! What must stay true: no two cases have one name; a case that panics loses only itself; of a case that doesn't apply
//! it is said why.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use thiserror::Error;

use crate::adapter::{Adapter, Layout};
use crate::cases;
use crate::clauses::{ClauseId, Profile, Specification};
use crate::record::Record;
use crate::registry::{Case, UnknownClause};
use crate::setup::Setup;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, checks, fail};

/// Cases that can't be run.
#[derive(Debug, Error)]
pub enum TrialsError {
    /// A case cites a clause that doesn't exist.
    #[error(transparent)]
    UnknownClause(#[from] UnknownClause),
    /// There is no case of this name.
    #[error("there is no case {0}")]
    NoCase(String),
    /// Two cases have one name.
    #[error("there are two cases of the name {0}")]
    Twice(&'static str),
}

/// A case in one layout.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The case.
    pub case: Case,
    /// Its clauses.
    pub clauses: Vec<ClauseId>,
    /// The profile of its own clause, which is the first.
    pub profile: Option<Profile>,
    /// The layout.
    pub layout: Layout,
    /// Why it isn't run, where the adapter doesn't claim what it judges.
    pub not_applicable: Option<String>,
}

impl Trial {
    /// The case's name, with the layout where there is more than one.
    #[must_use]
    pub fn name(&self) -> String {
        match self.case.each_layout {
            true => format!("{}::{}", self.case.name, self.layout.name().replace('-', "_")),
            false => self.case.name.to_owned(),
        }
    }

    /// Runs it in this process; a leak of its runs fails it.
    ///
    /// # Errors
    /// Whatever isn't a pass.
    pub fn run(&self, setup: &Setup) -> Verdict {
        if let Some(why) = &self.not_applicable {
            return Err(Stop::NotApplicable(why.clone()));
        }
        self.examine(setup, |_, _| ()).0
    }

    /// Runs it, shows the case's place to `failed` where it didn't pass, and gives what was run.
    pub(crate) fn examine(&self, setup: &Setup, failed: impl FnOnce(&Suite<'_>, &Stop)) -> (Verdict, Vec<Record>) {
        let suite = match Suite::new(setup, self.layout, self.profile) {
            Ok(suite) => suite,
            Err(fault) => return (Err(fault.into()), vec![]),
        };
        let before = checks();
        let verdict = catch_unwind(AssertUnwindSafe(|| {
            (self.case.run)(&suite)?;
            suite.runs_what_is_sound()
        }))
        .unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(Stop::Harness(format!("the case panicked: {}", text.unwrap_or("without a word"))))
        });
        let verdict = match (verdict, suite.notes().leaks()) {
            (Ok(()), leaks) if !leaks.is_empty() => fail("nothing is left behind by a run", leaks.join("; ")),
            (Ok(()), _) if checks() == before => Err(Stop::Harness("the case made no check".into())),
            (verdict, _) => verdict,
        };
        if let Err(stop) = &verdict {
            failed(&suite, stop);
        }
        (verdict, suite.notes().records())
    }
}

/// Every case.
pub fn all() -> impl Iterator<Item = &'static Case> {
    cases::ALL.iter().copied().flatten()
}

/// What is to be run for an adapter: every case, by clause, in each layout that it asks for.
///
/// # Errors
/// Where a case cites what doesn't exist, or a name stands there twice.
pub fn trials(adapter: &Adapter) -> Result<Vec<Trial>, TrialsError> {
    let mut names = BTreeSet::new();
    let mut trials = Vec::new();
    for case in all() {
        if !names.insert(case.name) {
            return Err(TrialsError::Twice(case.name));
        }
        let told = case.each_layout && adapter.layout_flag.is_some();
        for layout in Layout::ALL.into_iter().filter(|layout| told || *layout == adapter.layout) {
            trials.push(in_layout(case, layout, adapter)?);
        }
    }
    trials.sort_by_key(|trial| trial.clauses.first().copied());
    Ok(trials)
}

/// One case in one layout.
///
/// # Errors
/// Where there is no such case, or it cites what doesn't exist.
pub fn trial(name: &str, layout: Layout, adapter: &Adapter) -> Result<Trial, TrialsError> {
    in_layout(named(name)?, layout, adapter)
}

/// One that [`trial`] or [`trials`] has made elsewhere, of which the specification needn't be asked again: each case is a
/// process, and to read it would take as long as many of them.
pub(crate) fn again(
    name: &str,
    layout: Layout,
    clauses: Vec<ClauseId>,
    profile: Option<Profile>,
) -> Result<Trial, TrialsError> {
    Ok(Trial { case: *named(name)?, clauses, profile, layout, not_applicable: None })
}

fn named(name: &str) -> Result<&'static Case, TrialsError> {
    all().find(|case| case.name == name).ok_or_else(|| TrialsError::NoCase(name.into()))
}

/// It applies where its own clause is claimed; of its further clauses it then decides those that are.
fn in_layout(case: &Case, layout: Layout, adapter: &Adapter) -> Result<Trial, TrialsError> {
    let specification = Specification::embedded();
    let cited = case.clauses(specification)?;
    let claims = |id: &ClauseId| specification.clause(*id).map_or(Ok(()), |clause| adapter.claims(clause));
    let lacks = case.needs.filter(|profile| !adapter.profiles.contains(profile));
    let lacks = lacks.map(|profile| format!("the case needs the profile {profile}, which the adapter doesn't claim"));
    let not_applicable = cited.first().and_then(|own| claims(own).err()).or(lacks);
    let own = cited.first().copied();
    let decides = |id: &ClauseId| claims(id).is_ok() && (!case.each_layout || in_force(*id, layout));
    let clauses = cited.into_iter().filter(|id| Some(*id) == own || decides(id)).collect();
    let profile = own.and_then(|id| specification.clause(id)).map(|clause| clause.profile);
    Ok(Trial { case: *case, clauses, profile, layout, not_applicable })
}

/// Whether a layout has a clause decided in it: FD-02 and FD-03 speak of one layout each.
fn in_force(id: ClauseId, layout: Layout) -> bool {
    match id.to_string().as_str() {
        "FD-02" => layout == Layout::RpcFirst,
        "FD-03" => layout == Layout::GrantsFirst,
        _ => true,
    }
}
