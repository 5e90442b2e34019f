//! Attribute-based encryption of a cell under a policy of so many attributes: Bethencourt, Sahai and Waters (2007), and
//! FAME (Agrawal and Chase, 2017), crate `rabe`.

use std::error::Error;

use rabe::schemes::{ac17, bsw};
use rabe::utils::policy::pest::PolicyLanguage;

use crate::Figure;
use crate::timing::micros;

const ATTRIBUTES: [usize; 4] = [2, 5, 10, 20];
/// A cell as text; both schemes hide a key and encrypt the cell under it.
const CELL: &[u8] = b"105.0";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for count in ATTRIBUTES {
        let names: Vec<String> = (0..count).map(|number| format!("attribute{number}")).collect();
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let (attributes, policy) =
            (names.iter().map(String::as_str).collect::<Vec<_>>(), conjunction(&quoted));
        figures.extend(of_bsw(&attributes, &policy)?);
        figures.extend(of_fame(&attributes, &policy)?);
    }
    Ok(figures)
}

fn of_bsw(attributes: &[&str], policy: &str) -> Result<Vec<Figure>> {
    let (public, master) = bsw::setup();
    let key = bsw::keygen(&public, &master, attributes).ok_or("no key for these attributes")?;
    let encrypt = || bsw::encrypt(&public, policy, PolicyLanguage::HumanPolicy, CELL);
    let sealed = encrypt().map_err(fault)?;
    let decrypt = || bsw::decrypt(&key, &sealed);
    let same = decrypt().map_err(fault)? == CELL;
    Ok(figures("BSW", attributes.len(), micros(1, encrypt), micros(1, decrypt), same))
}

fn of_fame(attributes: &[&str], policy: &str) -> Result<Vec<Figure>> {
    let (public, master) = ac17::setup();
    let key = ac17::cp_keygen(&master, attributes).map_err(fault)?;
    let encrypt = || ac17::cp_encrypt(&public, policy, CELL, PolicyLanguage::HumanPolicy);
    let sealed = encrypt().map_err(fault)?;
    let decrypt = || ac17::cp_decrypt(&key, &sealed);
    let same = decrypt().map_err(fault)? == CELL;
    Ok(figures("FAME", attributes.len(), micros(1, encrypt), micros(1, decrypt), same))
}

/// FAME takes gates of two inputs only: (((a and b) and c) and d).
fn conjunction(names: &[String]) -> String {
    let policy = names.iter().cloned().reduce(|policy, name| format!("({policy} and {name})"));
    policy.unwrap_or_default()
}

/// The crate's errors are none of the standard library's.
fn fault(error: rabe::error::RabeError) -> Box<dyn Error> {
    error.to_string().into()
}

fn figures(scheme: &str, attributes: usize, encrypt: f64, decrypt: f64, same: bool) -> Vec<Figure> {
    let by = format!("rabe {scheme}, {attributes} attributes");
    let figure = |of: &str, unit, value| Figure { of: of.into(), by: by.clone(), unit, value };
    vec![
        figure("tables.cell.encrypt", "µs", encrypt),
        figure("tables.cell.decrypt", "µs", decrypt),
        figure("tables.cell.accuracy", "share", f64::from(u8::from(same))),
    ]
}
