//! The opener: decides whether a query is answered, checks what the cloud added, opens it, and makes the figures that
//! the query names.
//!
//! The opener runs the selection itself, on its own open and token columns, and compares: the same groups with the same
//! keys and counts, and row tags of just these rows. So the cloud can leave out, double, swap or forge nothing. Small
//! groups and differences of groups are refused before anything is opened ([`crate::cohort`]).

use std::sync::Arc;

use cowl_domain::table::{Codebook, Layout, TableSchema};
use cowl_paillier::Timing;
use cowl_query::{
    Aggregate, Answer, ClearTable, EncryptedGroup, EngineLimits, Output, Query, SelectionEngine, SqliteEngine,
};

use crate::cohort::{CohortError, CohortLedger};
use crate::layout::SlotPlan;
use crate::result::{Figure, QueryResult, ResultRow, RoundedVariable};
use crate::rows::RowSet;
use crate::secrets::OpenerSecrets;
use crate::tag::TagKey;

mod error;
mod figures;

pub use error::OpenError;
use figures::SetSums;

/// A table as its opener has it.
pub struct OpenerTable {
    clear: Arc<ClearTable>,
    codebook: Codebook,
    secrets: OpenerSecrets,
}

impl OpenerTable {
    /// Puts together what was read from the table's file and opened.
    ///
    /// # Errors
    /// [`OpenError::OtherTable`] where the parts are not of one table.
    pub fn new(
        clear: Arc<ClearTable>,
        codebook: Codebook,
        secrets: OpenerSecrets,
    ) -> Result<Self, OpenError> {
        codebook.check(clear.schema()).map_err(|_| OpenError::OtherTable { what: "codebook" })?;
        if secrets.fit(clear.schema()) {
            Ok(Self { clear, codebook, secrets })
        } else {
            Err(OpenError::OtherTable { what: "opener's secrets" })
        }
    }

    /// What the cloud sees of the table.
    pub fn schema(&self) -> &TableSchema {
        self.clear.schema()
    }

    /// What the secret columns are.
    pub fn codebook(&self) -> &Codebook {
        &self.codebook
    }

    /// The open and token columns, under the table's name.
    pub fn clear(&self) -> &Arc<ClearTable> {
        &self.clear
    }

    /// The secrets.
    pub fn secrets(&self) -> &OpenerSecrets {
        &self.secrets
    }

    /// The variables of some columns whose cells were rounded when the table was sealed.
    pub(crate) fn rounded(&self, named: impl Fn(u16) -> bool) -> Vec<RoundedVariable> {
        let rounded = self.codebook.variables.iter().filter(|it| it.rounded > 0 && named(it.column));
        let rounded = rounded.map(|variable| {
            let (name, decimals) = (variable.name.clone(), variable.coding.decimals());
            RoundedVariable { name, decimals, cells: variable.rounded }
        });
        rounded.collect()
    }
}

/// What an opener has at hand for a query.
pub struct Opener<'a> {
    /// The query's first table.
    pub table: &'a OpenerTable,
    /// The open and token columns of the tables that are joined to it.
    pub joined: &'a [Arc<ClearTable>],
    /// The smallest group that the grant lets out.
    pub minimum_cohort: u64,
    /// Whether others run programs on this machine.
    pub timing: Timing,
}

/// A group of a query, and whether it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedGroup {
    /// The group.
    pub group: cowl_query::Group,
    /// Whether it is answered, or why not.
    pub decision: Result<(), CohortError>,
}

/// What an opener decides about a query before anything is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The groups that the cloud lets out, in the query's order.
    pub groups: Vec<DecidedGroup>,
    /// Groups that have fewer rows than the minimum.
    pub suppressed: u64,
    /// The ledger once the answered groups are out. To be stored durably before a result leaves.
    pub ledger: CohortLedger,
}

/// What was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// For the receiver.
    pub result: QueryResult,
    /// The ledger with this query. To be stored durably before the result leaves.
    pub ledger: CohortLedger,
    /// Rows of the table that went into the answer, each counted once.
    pub rows: u64,
    /// How many row tags were compared; 0 where a query only counts.
    pub tags: u64,
    /// Groups that were left out: too small, or too like a group that was answered before.
    pub withheld: u64,
}

impl Opener<'_> {
    /// Selects the query's rows and decides which groups are answered: the largest first, so that the fewest rows go
    /// without.
    ///
    /// # Errors
    /// [`OpenError::Cohort`] where no group is answered; [`OpenError::Category`], [`OpenError::Engine`].
    pub fn decide(&self, query: &Query, ledger: &CohortLedger) -> Result<Decision, OpenError> {
        query.aggregates().try_for_each(|aggregate| figures::check(self.table, aggregate))?;
        let tables = std::iter::once(&self.table.clear).chain(self.joined).cloned().collect();
        let selection = SqliteEngine::build(tables, EngineLimits::default())?.select(query)?;
        let largest = selection.groups.iter().map(|group| group.rows.len() as u64).max().unwrap_or(0);
        let minimum = self.minimum_cohort.max(ledger.minimum());
        let released = selection.release(query, self.minimum_cohort);
        let contributions: Vec<Vec<RowSet>> =
            released.groups.iter().map(|group| self.contributions(query, &group.rows)).collect();
        let mut order: Vec<usize> = (0..contributions.len()).collect();
        order.sort_by_key(|place| std::cmp::Reverse(released.groups[*place].rows.len()));
        let mut decided = vec![Ok(()); contributions.len()];
        let mut after = ledger.clone();
        for place in order {
            let answered = contributions[place]
                .iter()
                .try_fold(after.clone(), |ledger, rows| ledger.answer(rows, minimum));
            match answered {
                Ok(next) => after = next,
                Err(why) => decided[place] = Err(why),
            }
        }
        if decided.iter().all(Result::is_err) {
            let small = CohortError::SmallGroup { rows: largest, minimum };
            return Err(OpenError::Cohort(decided.into_iter().find_map(Result::err).unwrap_or(small)));
        }
        let groups = released.groups.into_iter().zip(decided);
        let groups = groups.map(|(group, decision)| DecidedGroup { group, decision }).collect();
        Ok(Decision { groups, suppressed: released.suppressed, ledger: after })
    }

    /// The rows of a group that contribute to its figures, by what they contribute to: each such set of rows once. A
    /// count says nothing of secret columns and is not among them.
    fn contributions(&self, query: &Query, rows: &[u64]) -> Vec<RowSet> {
        let schema = self.table.schema();
        let group = RowSet::of(schema.rows, rows.iter().copied());
        let mut found: Vec<RowSet> = Vec::new();
        for aggregate in query.aggregates() {
            let set = &schema.sets[usize::from(aggregate.set)];
            let columns = match set.layout {
                Layout::Moments { .. } => &set.columns,
                Layout::Cells { .. } | Layout::Columns { .. } => &aggregate.columns,
            };
            let contributing = group.and(&self.table.secrets.complete(columns, schema.rows));
            if !found.contains(&contributing) {
                found.push(contributing);
            }
        }
        found
    }

    /// Opens the cloud's answer to a query that was checked against the table's schema.
    ///
    /// # Errors
    /// As [`Opener::decide`]. [`OpenError::OtherQuery`], [`OpenError::OtherGroups`], [`OpenError::Forged`] and
    /// [`OpenError::Ciphertexts`] are the cloud's fault; nothing of the answer may be shown then.
    pub fn open(&self, query: &Query, answer: &Answer, ledger: &CohortLedger) -> Result<Opened, OpenError> {
        self.open_as_decided(query, answer, &self.decide(query, ledger)?)
    }

    /// Opens the cloud's answer to a query about which was decided before.
    ///
    /// # Errors
    /// As [`Opener::open`].
    pub fn open_as_decided(
        &self,
        query: &Query,
        answer: &Answer,
        decision: &Decision,
    ) -> Result<Opened, OpenError> {
        if answer.query != query.digest() {
            return Err(OpenError::OtherQuery);
        }
        compare(query, decision, answer)?;
        let plans = self.plans(query)?;
        let answered: Vec<(&DecidedGroup, &EncryptedGroup)> = decision
            .groups
            .iter()
            .zip(&answer.groups)
            .filter(|(decided, _)| decided.decision.is_ok())
            .collect();
        let sums = self.sums(&plans, &answered)?;
        let mut rows = Vec::with_capacity(answered.len());
        for ((decided, _), sums) in answered.iter().zip(&sums) {
            rows.push(self.row(query, decided, sums)?);
        }
        let withheld = (decision.groups.len() - answered.len()) as u64 + decision.suppressed;
        let tags = plans.iter().map(|(_, plan)| plan.tags()).sum::<usize>() * answered.len();
        Ok(Opened {
            result: self.result(query, rows),
            rows: answered.iter().map(|(decided, _)| decided.group.rows.len() as u64).sum(),
            tags: tags as u64,
            withheld,
            ledger: decision.ledger.clone(),
        })
    }

    fn plans(&self, query: &Query) -> Result<Vec<(u16, SlotPlan)>, OpenError> {
        let plan =
            |set: u16| SlotPlan::of_sealed(self.table.schema(), &self.table.codebook, usize::from(set));
        query.sets().into_iter().map(|set| Ok((set, plan(set).map_err(OpenError::Plan)?))).collect()
    }

    /// For each answered group the sums of each set, once ranges and tags have been checked.
    fn sums(
        &self,
        plans: &[(u16, SlotPlan)],
        groups: &[(&DecidedGroup, &EncryptedGroup)],
    ) -> Result<Vec<Vec<SetSums<'_>>>, OpenError> {
        let size = self.table.secrets.key().public().ciphertext_bytes();
        let whole = |(_, group): &(&DecidedGroup, &EncryptedGroup)| {
            group
                .sets
                .iter()
                .zip(plans)
                .all(|(set, (_, plan))| set.ciphertexts.len() == plan.ciphertexts() * size)
        };
        if !groups.iter().all(whole) {
            return Err(OpenError::OtherGroups);
        }
        let ciphertexts: Vec<u8> = groups
            .iter()
            .flat_map(|(_, group)| &group.sets)
            .flat_map(|set| &set.ciphertexts)
            .copied()
            .collect();
        let secrets = &self.table.secrets;
        let plaintexts = secrets.open(&ciphertexts, self.timing).map_err(OpenError::Ciphertexts)?;
        let keys: Vec<TagKey> = plans.iter().map(|(set, plan)| secrets.tag_key(*set, plan)).collect();
        let mut rest = plaintexts.as_slice();
        let mut opened = Vec::with_capacity(groups.len());
        for (decided, _) in groups {
            let rows = RowSet::of(self.table.schema().rows, decided.group.rows.iter().copied());
            let mut sets = Vec::with_capacity(plans.len());
            for ((set, plan), key) in plans.iter().zip(&keys) {
                let own;
                (own, rest) = rest.split_at(plan.ciphertexts());
                let sums = plan.open(own, key, &rows).map_err(OpenError::Forged)?;
                sets.push(SetSums::new(self.table, *set, sums)?);
            }
            opened.push(sets);
        }
        Ok(opened)
    }

    fn row(
        &self,
        query: &Query,
        decided: &DecidedGroup,
        sets: &[SetSums<'_>],
    ) -> Result<ResultRow, OpenError> {
        let group = &decided.group;
        let figure = |output: &Output| match output {
            Output::Key(place) => Ok(Figure::Key(group.keys[usize::from(*place)].clone())),
            Output::Count => Ok(Figure::Count(group.rows.len() as u64)),
            Output::Aggregate(aggregate) => {
                let sums =
                    sets.iter().find(|set| set.set() == aggregate.set).ok_or(OpenError::OtherGroups)?;
                sums.figure(aggregate, group.rows.len() as u64)
            }
        };
        Ok(ResultRow { figures: query.outputs.iter().map(figure).collect::<Result<_, _>>()? })
    }

    fn result(&self, query: &Query, rows: Vec<ResultRow>) -> QueryResult {
        let mut schemas = vec![self.table.schema()];
        schemas.extend(self.joined.iter().map(|table| table.schema()));
        let named =
            |column: u16| query.aggregates().any(|aggregate: &Aggregate| aggregate.columns.contains(&column));
        QueryResult {
            query: query.digest(),
            columns: query.column_names(&schemas),
            rows,
            rounded: self.table.rounded(named),
            minimum_cohort: self.minimum_cohort,
        }
    }
}

/// Whether the cloud's groups are the opener's, each with the ciphertexts of just the sets that the query needs.
fn compare(query: &Query, decision: &Decision, answer: &Answer) -> Result<(), OpenError> {
    let same = |(own, theirs): (&DecidedGroup, &EncryptedGroup)| {
        own.group.keys == theirs.keys
            && own.group.rows.len() as u64 == theirs.rows
            && theirs.sets.iter().map(|set| set.set).eq(query.sets())
    };
    let all = decision.groups.len() == answer.groups.len() && decision.suppressed == answer.suppressed;
    if all && decision.groups.iter().zip(&answer.groups).all(same) {
        Ok(())
    } else {
        Err(OpenError::OtherGroups)
    }
}
