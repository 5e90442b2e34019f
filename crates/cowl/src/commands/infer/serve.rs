//! `cowl infer serve`

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use cowl_model::onnx::Folder as ModelFolder;
use cowl_model::{ImportOptions, Ring, import};

use super::{Here, deal};
use crate::args::{Bits, ServeArguments, Truncation};
use crate::commands::Context;
use crate::failure::{Failure, Result};
use crate::infer::engine::OwnedModel;
use crate::infer::error::{InferError, name_of};
use crate::infer::model_owner::ModelOwner;
use crate::infer::peer::Listener;
use crate::infer::recipe::Recipe;
use crate::infer::serving::serve_all;
use crate::size::Size;

/// Serves models until the process is ended.
pub(super) fn serve(context: &Context, arguments: &ServeArguments) -> Result<()> {
    let mut names = arguments.parties.clone();
    names.push(arguments.dealer.party.clone());
    let here = Here::begin(context, &names, arguments.patience)?;
    let mut models = HashMap::new();
    for file in &arguments.models {
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let model = load(file, arguments)?;
        if models.insert(name.clone(), model).is_some() {
            return Err(Failure::usage(format!("two models are called '{name}'")));
        }
    }
    let dealer = here.place(&arguments.dealer);
    let served = arguments.parties.iter().map(|name| here.other(name)).collect();
    let patience = arguments.patience.patience;
    let listener = Listener::bind(&here.keys().identity(), served, &arguments.listen, patience)
        .map_err(InferError::from)?;
    let owner = ModelOwner {
        keys: here.keys(),
        folder: here.folder,
        ledger: here.ledger,
        dealer,
        models,
        learns: arguments.output_to,
        patience,
        working: Mutex::new(()),
    };
    deal::greet(context, "serving", &listener)?;
    serve_all(
        &listener,
        |link, peer| {
            owner.serve(link, peer, &mut |ended| {
                let (sent, received) = (Size(ended.outcome.sent), Size(ended.outcome.received));
                let time = ended.outcome.took.as_secs_f64() * 1e3;
                context.output.note(format_args!(
                    "{}: run {}: {sent} sent, {received} received, {time:.1} ms",
                    peer.name,
                    name_of(&ended.bundle)
                ));
            })
        },
        |peer, error| context.output.note(format_args!("{peer}: {error}")),
    )?;
    Ok(())
}

fn load(file: &Path, arguments: &ServeArguments) -> Result<OwnedModel> {
    let bytes = fs::read(file).map_err(|source| Failure::file(file, source))?;
    let beside = ModelFolder::new(file.parent().unwrap_or(Path::new(".")));
    let refused = |error: &dyn std::fmt::Display| Failure::no(format!("{}: {error}", file.display()));
    let model = import(&bytes, &beside, &ImportOptions::default()).map_err(|error| refused(&error))?;
    let recipe = Recipe {
        architecture: model.architecture.to_bytes(),
        ring: ring(arguments.bits),
        faithful: arguments.truncation == Truncation::Faithful,
    };
    Ok(OwnedModel::new(recipe, &model.weights)?)
}

fn ring(bits: Bits) -> Ring {
    match bits {
        Bits::Bits32 => Ring::MENU[0],
        Bits::Bits40 => Ring::MENU[1],
        Bits::Bits48 => Ring::MENU[2],
        Bits::Bits64 => Ring::MENU[3],
    }
}
