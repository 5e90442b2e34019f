//! Tables that the cloud adds up and cannot read, as the command line deals with them.
//!
//! On the owner's side: [`reading`] and [`found`] look into a file, [`plan`] and [`draft`] say what becomes of its
//! columns, [`sealing`] encrypts, [`answering`] opens what grants allow. On the asker's side: [`catalog`] and [`wording`] have the names,
//! [`learns`] says who learns what, [`asking`] waits for the answer, [`evidence`] checks whose it is.

use cowl_domain::ItemId;

pub(crate) mod answering;
pub(crate) mod asking;
mod book;
pub(crate) mod catalog;
pub(crate) mod desk;
pub(crate) mod draft;
pub(crate) mod evidence;
pub(crate) mod figures;
mod flat;
mod formula;
pub(crate) mod found;
pub(crate) mod learns;
mod output;
mod paper;
pub(crate) mod plan;
pub(crate) mod question;
pub(crate) mod reading;
pub(crate) mod residuals;
pub(crate) mod retrieving;
pub(crate) mod scoring;
pub(crate) mod sealing;
pub(crate) mod source;
pub(crate) mod wording;

/// The technique of figures over groups of rows: what a grant to compute is for where it says nothing else.
pub(crate) const TECHNIQUE: &str = cowl_query::FIGURES;

/// What a table's sealed codebook is bound to.
pub(crate) fn codebook_context(item: &ItemId) -> Vec<u8> {
    [b"cowl/table-codebook/v1".as_slice(), item.as_bytes()].concat()
}

/// What the sealed secrets of a table's opener are bound to.
pub(crate) fn opener_context(item: &ItemId) -> Vec<u8> {
    [b"cowl/table-opener/v1".as_slice(), item.as_bytes()].concat()
}
