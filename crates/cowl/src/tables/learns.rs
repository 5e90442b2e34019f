//! What is asked and who learns what from it, in plain words: shown before anybody says yes.

use std::fmt;

use cowl_domain::table::{ColumnRole, TableSchema};
use cowl_query::Program;
use cowl_tables::technique::Visible;
use serde::Serialize;

use super::wording;
use crate::columns::printable;
use crate::report::Learnt;
use crate::size::count;
use crate::style::{HEAD, QUIET};

/// A table as a question is about it.
pub(crate) struct AskedTable<'a> {
    /// What to call it.
    pub(crate) title: String,
    pub(crate) schema: &'a TableSchema,
}

/// The consequences of a question.
#[derive(Debug, Serialize)]
pub(crate) struct Learns {
    question: String,
    asker: String,
    owner: String,
    tables: Vec<String>,
    /// The fewest rows that a figure may be about, by the grant; 1 where the owner asks.
    minimum_cohort: u32,
    #[serde(flatten)]
    visible: Visible,
}

impl Learns {
    /// Of a program by `asker` about tables of `owner`.
    pub(crate) fn new(
        program: &Program,
        tables: &[AskedTable<'_>],
        asker: &str,
        owner: &str,
        minimum_cohort: u32,
    ) -> Self {
        let named = tables.iter().map(|table| (table.title.clone(), table.schema)).collect();
        let rows = |table: &AskedTable<'_>| format!("{}, {}", table.title, count(table.schema.rows, "row"));
        let schemas: Vec<TableSchema> = tables.iter().map(|table| table.schema.clone()).collect();
        Self {
            question: wording::in_words(program, named),
            asker: asker.to_owned(),
            owner: owner.to_owned(),
            tables: tables.iter().map(rows).collect(),
            minimum_cohort,
            visible: match program {
                Program::Figures(query) => Visible::of(query, &schemas, minimum_cohort.into()),
                Program::Scores(request) => Visible::of_scores(request, &schemas[0]),
            },
        }
    }

    /// The question in SQL, or the formula of its scores.
    pub(crate) fn question(&self) -> &str {
        &self.question
    }

    /// Who learns what, one after the other.
    pub(crate) fn learnt(&self) -> Vec<Learnt> {
        let one = |party: &str, facts: &[String]| Learnt { party: party.to_owned(), facts: facts.to_vec() };
        let mut learnt = vec![one("the cloud", &self.visible.cloud), one(&self.owner, &self.visible.opener)];
        if self.asker != self.owner {
            learnt.push(one(&self.asker, &self.visible.receiver));
        }
        learnt
    }
}

impl fmt::Display for Learns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, text: &str| writeln!(f, "{HEAD}{name:<9}{HEAD:#} {}", printable(text));
        line("question", &self.question)?;
        line("about", &format!("{} of {}", self.tables.join("; "), self.owner))?;
        if self.minimum_cohort > 1 {
            line("terms", &format!("no figure about fewer than {} rows", self.minimum_cohort))?;
        }
        writeln!(f, "{HEAD}learns{HEAD:#}")?;
        for Learnt { party, facts } in self.learnt() {
            let mut name = printable(&party);
            for fact in facts {
                let name = std::mem::take(&mut name);
                writeln!(f, "  {name:<NAME$} {}", printable(&fact))?;
            }
        }
        write!(f, "  {QUIET}and nobody else anything{QUIET:#}")
    }
}

/// What a column may be used for, for people who are to ask.
pub(crate) fn role_in_words(role: ColumnRole) -> &'static str {
    match role {
        ColumnRole::Open => "open: conditions, groups, order",
        ColumnRole::Token => "token: groups and joins by equality",
        ColumnRole::Secret => "secret: aggregates",
        ColumnRole::Dropped => "dropped",
    }
}

/// Width of a learner's name.
const NAME: usize = 16;
