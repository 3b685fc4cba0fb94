//! Queries of the Data API.

use ecp_core::ProjectId;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A query of the Data API for the operations of some projects between two times, page by page
/// (sources: Data API).
///
/// ```
/// use ecp_core::ProjectId;
/// use ecp_transport::OperationsQuery;
///
/// let projects = [ProjectId::new(183)?];
/// let query = OperationsQuery::new(projects, "2020-01-01 14:53:55", "2020-01-30 13:53:59")?
///     .time_zone("Asia/Singapore")
///     .filter("operation_type", ["payout"]);
/// # let _ = query;
/// let error = OperationsQuery::new(projects, "2020-01-01", "2020-01-30 13:53:59").unwrap_err();
/// assert_eq!(error.to_string(), "invalid Data API query: `interval.from` must have the form YYYY-MM-DD hh:mm:ss");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct OperationsQuery {
    projects: Vec<ProjectId>,
    from: String,
    to: String,
    time_zone: String,
    limit: usize,
    offset: usize,
    filters: Vec<(String, Result<Box<RawValue>, String>)>,
}

/// Error of an [`OperationsQuery`]: a member of the query has a value that is not allowed, for
/// example a time that is not of the form `2020-01-01 14:53:55`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid Data API query: `{path}` {problem}")]
pub struct InvalidQuery {
    path: &'static str,
    problem: &'static str,
}

impl OperationsQuery {
    /// The maximum number of operations that the Data API returns on one page.
    pub const LARGEST_PAGE: usize = 1000;

    /// Makes a query for the operations of these projects between two times. The times have the
    /// form `2020-01-01 14:53:55`, and are in UTC unless [`time_zone`](Self::time_zone) sets
    /// another time zone. It is an error if a time has another form, if the second time is before
    /// the first, or if there is no project. The documents do not say which time of an operation
    /// counts, nor whether both ends are included.
    pub fn new(
        projects: impl IntoIterator<Item = ProjectId>,
        from: &str,
        to: &str,
    ) -> Result<Self, InvalidQuery> {
        for (path, time) in [("interval.from", from), ("interval.to", to)] {
            if !has_shape(time) {
                let problem = "must have the form YYYY-MM-DD hh:mm:ss";
                return Err(InvalidQuery { path, problem });
            }
        }
        if from > to {
            return Err(InvalidQuery {
                path: "interval.to",
                problem: "must not be before `interval.from`",
            });
        }
        let projects: Vec<ProjectId> = projects.into_iter().collect();
        if projects.is_empty() {
            return Err(InvalidQuery {
                path: "project_id",
                problem: "must name at least one project",
            });
        }
        Ok(Self {
            projects,
            from: from.to_owned(),
            to: to.to_owned(),
            time_zone: "UTC".to_owned(),
            limit: Self::LARGEST_PAGE,
            offset: 0,
            filters: Vec::new(),
        })
    }

    /// Sets the time zone of the query's two times by its IANA name, such as `Asia/Singapore`; UTC
    /// by default.
    pub fn time_zone(self, name: impl Into<String>) -> Self {
        Self { time_zone: name.into(), ..self }
    }

    /// Sets the number of operations per page of the answer, 1 to 1000; 1000 by default. A larger
    /// number counts as 1000, and 0 counts as 1.
    pub fn page_size(self, operations: usize) -> Self {
        Self { limit: operations.clamp(1, Self::LARGEST_PAGE), ..self }
    }

    /// Skips this number of operations at the beginning of the query's result; 0 by default.
    pub fn offset(self, operations: usize) -> Self {
        Self { offset: operations, ..self }
    }

    /// Requests only those members of each operation that have these names, such as `payment_id`.
    /// The names are those that the Data API uses. Call this once: a second list makes the query
    /// fail as [`DataError::Unsigned`](crate::DataError::Unsigned).
    pub fn fields<'f>(self, names: impl IntoIterator<Item = &'f str>) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        self.filter("fields", names)
    }

    /// Adds a member to the query for which this type has no setter; its value is sent as JSON. For
    /// example, the documents mention a filter by the type of the operation, but not the name of
    /// that member: ask the platform's support for the name, and pass it to this method. A name
    /// that the query already has, or a value that cannot be written as JSON, makes the query fail
    /// as [`DataError::Unsigned`](crate::DataError::Unsigned).
    pub fn filter(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let json = serde_json::value::to_raw_value(&value).map_err(|error| error.to_string());
        self.filters.push((name.into(), json));
        self
    }

    /// The offset of the page's first operation.
    pub(super) const fn first(&self) -> usize {
        self.offset
    }

    /// The number of operations per page.
    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    /// The query for the first half of the page, `None` if it has one operation.
    pub(super) fn halved(&self) -> Option<Self> {
        (self.limit > 1).then(|| Self { limit: self.limit / 2, ..self.clone() })
    }

    /// The query for the page after one of that length, `None` after the last page.
    pub(super) fn after(&self, length: usize) -> Option<Self> {
        (length >= self.limit).then(|| self.next())
    }

    /// The query for the next page.
    pub(super) fn next(&self) -> Self {
        Self { offset: self.offset + self.limit, ..self.clone() }
    }
}

fn has_shape(time: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00 00:00:00";
    time.len() == SHAPE.len()
        && time.bytes().zip(SHAPE).all(|(byte, &shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        })
}

/// A query with its token and the member for its destination, without a signature.
pub(super) struct Signable<'q> {
    pub(super) query: &'q OperationsQuery,
    pub(super) token: &'q str,
    /// Name and value.
    pub(super) destination: Option<(&'q str, &'q str)>,
}

impl Signable<'_> {
    /// A filter that cannot be written makes a document that cannot be signed.
    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Serialize for Signable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Interval<'q> {
            from: &'q str,
            to: &'q str,
        }

        let OperationsQuery { projects, from, to, time_zone, limit, offset, filters } = self.query;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("interval", &Interval { from, to })?;
        map.serialize_entry("limit", limit)?;
        map.serialize_entry("offset", offset)?;
        map.serialize_entry("project_id", projects)?;
        map.serialize_entry("token", self.token)?;
        map.serialize_entry("tz", time_zone)?;
        if let Some((name, url)) = self.destination {
            map.serialize_entry(name, url)?;
        }
        for (name, json) in filters {
            let json = json.as_ref().map_err(serde::ser::Error::custom)?;
            map.serialize_entry(name, json)?;
        }
        map.end()
    }
}
