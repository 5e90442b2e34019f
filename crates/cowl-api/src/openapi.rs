//! The contract as an OpenAPI document, made from the same types and paths that both sides compile.

use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, PathsBuilder,
    Ref, RefOr, Required, ResponseBuilder, Schema, Type,
};

use crate::problem::MEDIA_TYPE;

mod operations;
#[cfg(test)]
mod tests;

use operations::{Access, Body, Operation};

const SESSION: &str = "session";

/// The document.
pub fn document() -> OpenApi {
    let operations = operations::all();
    let mut paths = PathsBuilder::new().build();
    for operation in &operations {
        paths.add_path_operation(operation.path, vec![operation.method.clone()], operation.describe());
    }
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Cowl")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(DESCRIPTION))
                .build(),
        )
        .paths(paths)
        .components(Some(components()))
        .build()
}

const DESCRIPTION: &str = "A store that cannot read what it keeps. Signed statements travel as canonical CBOR in base64; \
     the server checks every signature and can open nothing.";

fn components() -> utoipa::openapi::Components {
    let mut schemas = operations::schemas();
    schemas.sort_by(|one, other| one.0.cmp(&other.0));
    schemas.dedup_by(|one, other| one.0 == other.0);
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("the session's token, base64"));
    ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(SESSION, SecurityScheme::Http(bearer.build()))
        .build()
}

impl Operation {
    fn describe(&self) -> utoipa::openapi::path::Operation {
        let mut builder = OperationBuilder::new()
            .summary(Some(self.summary))
            .parameters(Some(self.parameters()))
            .request_body(self.request.as_request())
            .response("default", problem());
        builder = builder.response(self.success(), self.response.as_response());
        if self.access != Access::Open {
            builder = builder.security(SecurityRequirement::new::<_, [&str; 0], &str>(SESSION, []));
        }
        builder.build()
    }

    fn success(&self) -> &'static str {
        if matches!(self.response, Body::Empty) { "204" } else { "200" }
    }

    fn parameters(&self) -> Vec<Parameter> {
        let in_path = self.path.split(['{', '}']).skip(1).step_by(2).map(|name| (name, ParameterIn::Path));
        let in_query = self.query.iter().map(|name| (*name, ParameterIn::Query));
        let in_header =
            (self.access == Access::Ticket).then_some((crate::paths::TICKET, ParameterIn::Header));
        in_path.chain(in_query).chain(in_header).map(|(name, place)| parameter(name, place)).collect()
    }
}

fn parameter(name: &str, place: ParameterIn) -> Parameter {
    let required = if place == ParameterIn::Query { Required::False } else { Required::True };
    ParameterBuilder::new().name(name).parameter_in(place).required(required).schema(Some(text())).build()
}

fn text() -> Schema {
    ObjectBuilder::new().schema_type(Type::String).build().into()
}

fn problem() -> utoipa::openapi::Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description("what went wrong (RFC 9457)").content(MEDIA_TYPE, content).build()
}

impl Body {
    fn content(&self) -> Option<(&'static str, RefOr<Schema>)> {
        match self {
            Self::Empty => None,
            Self::Json(name) => Some(("application/json", Ref::from_schema_name(*name).into())),
            Self::List(name) => {
                let items = utoipa::openapi::ArrayBuilder::new().items(Ref::from_schema_name(*name)).build();
                Some(("application/json", RefOr::T(items.into())))
            }
            Self::Raw(media_type) => Some((media_type, RefOr::T(text()))),
        }
    }

    fn as_request(&self) -> Option<RequestBody> {
        let (media_type, schema) = self.content()?;
        let content = ContentBuilder::new().schema(Some(schema)).build();
        Some(RequestBodyBuilder::new().required(Some(Required::True)).content(media_type, content).build())
    }

    fn as_response(&self) -> utoipa::openapi::Response {
        let Some((media_type, schema)) = self.content() else {
            return ResponseBuilder::new().description("done").build();
        };
        let content = ContentBuilder::new().schema(Some(schema)).build();
        ResponseBuilder::new().description("the answer").content(media_type, content).build()
    }
}
