//! The question of a job, read and put into words.

use cowl_query::{Catalog, GrantedTable, Program};
use cowl_vault::job::JobInfo;

use super::catalog::{KnownTable, wire_name};
use super::learns::{AskedTable, Learns};
use super::wording;
use crate::failure::{Failure, Result};

/// A job's program, with the tables that it is about.
pub(crate) struct Question<'a> {
    pub(crate) program: Program,
    pub(crate) tables: Vec<&'a KnownTable>,
}

impl<'a> Question<'a> {
    /// Reads the query of a job, and checks it against its tables as this party knows them.
    ///
    /// # Errors
    /// A job of another technique; tables that this party knows nothing of; a query that is none.
    pub(crate) fn read(job: &JobInfo, known: &'a [KnownTable]) -> Result<Self> {
        let technique = &job.spec.technique;
        let program = Program::decode(technique.as_str(), &job.program).ok_or_else(|| {
            Failure::no(format!("the job is of technique {technique}, which this program does not know"))
        })?;
        let find = |item: &cowl_job::JobItem| known.iter().find(|table| table.info.item.item == item.item);
        let tables: Vec<&KnownTable> = job
            .spec
            .items
            .iter()
            .map(|item| {
                find(item)
                    .ok_or_else(|| Failure::no(format!("table {} is no longer there for you", item.item)))
            })
            .collect::<Result<_>>()?;
        let granted = |(table, number): (&&KnownTable, usize)| GrantedTable {
            name: wire_name(number),
            schema: table.info.schema.clone(),
        };
        let catalog = Catalog { tables: tables.iter().zip(1..).map(granted).collect() };
        let checked = program.and_then(|program| program.check(&catalog).map(|()| program));
        let program = checked.map_err(|refusal| {
            Failure::no(format!("the question is not one that may be asked: {refusal}"))
        })?;
        let in_order =
            program.tables().iter().zip(1..).all(|(table, number)| table.name == wire_name(number));
        if program.tables().len() != tables.len() || !in_order || program.digest() != job.spec.program {
            return Err(Failure::no("the question is not the one that its asker signed"));
        }
        Ok(Self { program, tables })
    }

    fn asked(&self) -> Vec<AskedTable<'_>> {
        self.tables.iter().map(|table| table.asked()).collect()
    }

    /// The question in SQL, or the formula of its scores, with the names that this party has for its tables.
    pub(crate) fn in_words(&self) -> String {
        let named = self.tables.iter().map(|table| (table.title(), &table.info.schema)).collect();
        wording::in_words(&self.program, named)
    }

    /// Who learns what.
    pub(crate) fn learns(&self, job: &JobInfo) -> Learns {
        Learns::new(&self.program, &self.asked(), job.asker.as_str(), job.owner.as_str(), job.minimum_cohort)
    }
}
