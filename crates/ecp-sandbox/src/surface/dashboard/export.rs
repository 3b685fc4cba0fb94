//! Lists as files: CSV for programs, XLSX for people.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use ecp_reports::Format;
use http::{HeaderName, StatusCode, header};

use super::forms::Pairs;
use super::rows::List;
use super::search::Search;
use crate::engine::Engine;
use crate::surface::page::missing;

pub(super) async fn download(
    State(engine): State<Engine>,
    Path(file): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Response {
    let name = file.split_once('.').map_or(file.as_str(), |(name, _)| name);
    let Some(list) = List::named(name) else { return missing() };
    let format = match Format::of_name(&file) {
        Ok(format) => format,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    match list.table(&engine, &Search::new(pairs).filter(&engine.config().registry)).write(format) {
        Ok(written) => attachment(&format!("{name}.{format}"), format, written.bytes),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Returns an answer that makes the browser save a file with this name.
pub(super) fn attachment(name: &str, format: Format, bytes: Vec<u8>) -> Response {
    let headers: [(HeaderName, String); 3] = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, bytes).into_response()
}
