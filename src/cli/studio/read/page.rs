//! A page of rows: by key and never by number, so that the last page costs what the first does.

use heirloom::for_the_command::quote;
use heirloom::rusqlite::types::ValueRef;
use heirloom::rusqlite::{Connection, Result, Row, params_from_iter};

use crate::studio::read::table::{Affinity, Column, Identity, Table};
use crate::studio::read::value::{BYTES, CHARACTERS, Cell, Stored};

/// Rows of a page, and of what has no key to go on from.
pub(crate) const ROWS: usize = 100;
pub(crate) const ROWS_WITHOUT_KEY: usize = 1_000;
/// Columns of a page, and what its cells may weigh together, in bytes.
pub(crate) const COLUMNS: usize = 100;
const WEIGHT: usize = 110_000;
/// Up to how many rows are counted.
pub(crate) const COUNTED: u64 = 10_000;

/// What a column is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    StartsWith,
    Null,
    NotNull,
    /// The value itself, in the spelling of an address.
    Is,
}

/// Every comparison by its name in addresses and by its words.
pub(crate) const COMPARISONS: [(&str, &str, Compare); 11] = [
    ("eq", "=", Compare::Equal),
    ("ne", "≠", Compare::NotEqual),
    ("lt", "<", Compare::Less),
    ("le", "≤", Compare::LessOrEqual),
    ("gt", ">", Compare::Greater),
    ("ge", "≥", Compare::GreaterOrEqual),
    ("has", "contains", Compare::Contains),
    ("begins", "starts with", Compare::StartsWith),
    ("null", "is NULL", Compare::Null),
    ("notnull", "is not NULL", Compare::NotNull),
    ("is", "is", Compare::Is),
];

/// A condition on the rows, as an address has it: `column~eq~value`.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    pub(crate) column: String,
    pub(crate) compare: Compare,
    pub(crate) value: String,
}

impl Filter {
    /// None for what is not a condition on a column of the table.
    pub(crate) fn parse(text: &str, table: &Table) -> Option<Filter> {
        // A column may have a tilde in its name: the longest that there is.
        let mut columns: Vec<&Column> = table.columns.iter().collect();
        columns.sort_by_key(|column| std::cmp::Reverse(column.name.len()));
        columns.into_iter().find_map(|column| {
            let rest = text.strip_prefix(&column.name)?.strip_prefix('~')?;
            let (name, value) = rest.split_once('~').unwrap_or((rest, ""));
            let (.., compare) = *COMPARISONS.iter().find(|(known, ..)| *known == name)?;
            if compare == Compare::Is {
                Stored::decode(value)?;
            }
            Some(Filter {
                column: column.name.clone(),
                compare,
                value: value.to_owned(),
            })
        })
    }

    /// As an address has it.
    pub(crate) fn text(&self) -> String {
        let known = COMPARISONS.iter().find(|(.., one)| *one == self.compare);
        let name = known.map_or("eq", |(name, ..)| name);
        format!("{}~{name}~{}", self.column, self.value)
    }

    /// As a person reads it.
    pub(crate) fn words(&self) -> String {
        let known = COMPARISONS.iter().find(|(.., one)| *one == self.compare);
        let words = known.map_or("=", |(_, words, _)| words);
        let value = match self.compare {
            Compare::Null | Compare::NotNull => String::new(),
            Compare::Is => Stored::decode(&self.value).map_or(String::new(), |one| one.plain()),
            _ => self.value.clone(),
        };
        format!("{} {words} {value}", self.column)
            .trim_end()
            .to_owned()
    }

    /// The condition, and what is bound to it.
    fn sql(&self, table: &Table) -> (String, Vec<Stored>) {
        let column = quote(&self.column);
        let typed = || typed(table.column(&self.column), &self.value);
        let escaped = || {
            let value = self.value.replace('\\', "\\\\");
            value.replace('%', "\\%").replace('_', "\\_")
        };
        let like = |pattern: String| {
            let bound = vec![Stored::Text(pattern.into_bytes())];
            (format!("{column} LIKE ? ESCAPE '\\'"), bound)
        };
        let compared = |sign: &str| (format!("{column} {sign} ?"), vec![typed()]);
        match self.compare {
            Compare::Equal => compared("="),
            Compare::NotEqual => compared("IS NOT"),
            Compare::Less => compared("<"),
            Compare::LessOrEqual => compared("<="),
            Compare::Greater => compared(">"),
            Compare::GreaterOrEqual => compared(">="),
            Compare::Contains => like(format!("%{}%", escaped())),
            Compare::StartsWith => like(format!("{}%", escaped())),
            Compare::Null => (format!("{column} IS NULL"), Vec::new()),
            Compare::NotNull => (format!("{column} IS NOT NULL"), Vec::new()),
            Compare::Is => {
                let value = Stored::decode(&self.value).unwrap_or(Stored::Null);
                (format!("{column} IS ?"), vec![value])
            }
        }
    }
}

/// What a person typed, as the column would store it.
fn typed(column: Option<&Column>, text: &str) -> Stored {
    let affinity = column.map_or(Affinity::Blob, Column::affinity);
    let number = (affinity != Affinity::Text)
        .then(|| {
            let integer = text.parse().map(Stored::Integer).ok();
            integer.or_else(|| text.parse().map(Stored::Real).ok())
        })
        .flatten();
    number.unwrap_or_else(|| Stored::Text(text.as_bytes().to_vec()))
}

/// The order of the rows.
#[derive(Debug, Clone)]
pub(crate) struct Sort {
    pub(crate) column: String,
    pub(crate) descending: bool,
}

/// Where a page begins.
#[derive(Debug, Clone)]
pub(crate) enum From {
    Start,
    /// Behind a row, or before one: the value that is sorted by, if any, and the key.
    After(Vec<Stored>),
    Before(Vec<Stored>),
}

/// Which rows.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) filters: Vec<Filter>,
    pub(crate) sort: Option<Sort>,
    pub(crate) from: From,
    pub(crate) columns: Vec<String>,
}

/// A row, with what tells it from others.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) cells: Vec<Cell>,
    pub(crate) key: Vec<Stored>,
    /// Where a page after or before it begins.
    place: Vec<Stored>,
}

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Line>,
    /// The cursors of the pages around it.
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    /// Whether there are more rows that no page shows.
    pub(crate) cut: bool,
}

struct Query<'q> {
    connection: &'q Connection,
    table: &'q Table,
    wanted: &'q Wanted,
}

/// Reads a page.
pub(crate) fn page(connection: &Connection, table: &Table, wanted: &Wanted) -> Result<Page> {
    let query = Query {
        connection,
        table,
        wanted,
    };
    if table.identity == Identity::None {
        let (sql, bound) = query.select(None, false, ROWS_WITHOUT_KEY + 1);
        let mut rows = query.run(&sql, &bound)?;
        let cut = rows.len() > ROWS_WITHOUT_KEY;
        rows.truncate(ROWS_WITHOUT_KEY);
        let cut = cut | lighten(&mut rows);
        return Ok(Page {
            rows,
            before: None,
            after: None,
            cut,
        });
    }
    let descending = wanted.sort.as_ref().is_some_and(|sort| sort.descending);
    let backward = matches!(wanted.from, From::Before(_));
    let mut rows = match &wanted.from {
        From::Start => {
            let (sql, bound) = query.select(None, descending, ROWS + 1);
            query.run(&sql, &bound)?
        }
        From::After(place) => query.beyond(place, descending)?,
        From::Before(place) => query.beyond(place, !descending)?,
    };
    let mut more = rows.len() > ROWS;
    rows.truncate(ROWS);
    more |= lighten(&mut rows);
    if backward {
        rows.reverse();
    }
    let cursor = |line: &Line| Stored::encode_all(&line.place);
    let first = rows.first().map(cursor);
    let last = rows.last().map(cursor);
    let (is_before, is_after) = match &wanted.from {
        From::Start => (false, more),
        From::After(_) => (true, more),
        From::Before(_) => (more, true),
    };
    Ok(Page {
        before: first.filter(|_| is_before),
        after: last.filter(|_| is_after),
        rows,
        cut: false,
    })
}

/// Ends a page where it gets too heavy. Whether it did.
fn lighten(rows: &mut Vec<Line>) -> bool {
    let mut weight = 0;
    let fits = rows.iter().take_while(|line| {
        weight += line.cells.iter().map(Cell::weight).sum::<usize>();
        weight < WEIGHT
    });
    let fits = fits.count().max(1);
    let cut = fits < rows.len();
    rows.truncate(fits);
    cut
}

impl Query<'_> {
    /// The rows behind a place, in one direction. A comparison with NULL is true of no row, so
    /// that rows with NULL are read apart: SQLite has them before all others.
    fn beyond(&self, place: &[Stored], descending: bool) -> Result<Vec<Line>> {
        let sign = if descending { "<" } else { ">" };
        let keys = self.table.identity_sql();
        let row_value = |columns: &[String]| {
            let marks = vec!["?"; columns.len()].join(", ");
            format!("({}) {sign} ({marks})", columns.join(", "))
        };
        let Some(sort) = &self.wanted.sort else {
            let condition = Some((row_value(&keys), place.to_vec()));
            let (sql, bound) = self.select(condition, descending, ROWS + 1);
            return self.run(&sql, &bound);
        };
        let column = quote(&sort.column);
        let is_null = place.first() == Some(&Stored::Null);
        let first = match is_null {
            true => {
                let place = place.get(1..).unwrap_or_default().to_vec();
                (format!("{column} IS NULL AND {}", row_value(&keys)), place)
            }
            false => {
                let mut all = vec![column.clone()];
                all.extend(keys);
                (row_value(&all), place.to_vec())
            }
        };
        let (sql, bound) = self.select(Some(first), descending, ROWS + 1);
        let mut rows = self.run(&sql, &bound)?;
        // Behind the rows with NULL come the others, or the other way round.
        let rest = match (is_null, descending) {
            (true, false) => Some(format!("{column} IS NOT NULL")),
            (false, true) => Some(format!("{column} IS NULL")),
            _ => None,
        };
        if let Some(rest) = rest.filter(|_| rows.len() <= ROWS) {
            let left = ROWS + 1 - rows.len();
            let (sql, bound) = self.select(Some((rest, Vec::new())), descending, left);
            rows.extend(self.run(&sql, &bound)?);
        }
        Ok(rows)
    }

    fn select(
        &self,
        condition: Option<(String, Vec<Stored>)>,
        descending: bool,
        rows: usize,
    ) -> (String, Vec<Stored>) {
        let mut shown: Vec<String> = Vec::new();
        for column in &self.wanted.columns {
            let column = quote(column);
            shown.push(format!(
                "CASE typeof({column}) WHEN 'text' THEN substr({column}, 1, {}) \
                 WHEN 'blob' THEN substr({column}, 1, {BYTES}) ELSE {column} END",
                CHARACTERS + 1
            ));
            shown.push(format!("length({column})"));
        }
        let keys = self.table.identity_sql();
        let mut order = Vec::new();
        if let Some(sort) = &self.wanted.sort {
            order.push(quote(&sort.column));
        }
        order.extend(keys);
        shown.extend(order.iter().cloned());
        let (mut conditions, mut bound) = (Vec::new(), Vec::new());
        let filters = self.wanted.filters.iter();
        for (sql, values) in filters
            .map(|filter| filter.sql(self.table))
            .chain(condition)
        {
            conditions.push(format!("({sql})"));
            bound.extend(values);
        }
        let direction = if descending { " DESC" } else { "" };
        let order: Vec<String> = order.iter().map(|by| format!("{by}{direction}")).collect();
        let clause = |word: &str, parts: &[String], between: &str| match parts.is_empty() {
            true => String::new(),
            false => format!(" {word} {}", parts.join(between)),
        };
        let sql = format!(
            "SELECT {} FROM main.{}{}{} LIMIT {rows}",
            shown.join(", "),
            quote(&self.table.name),
            clause("WHERE", &conditions, " AND "),
            clause("ORDER BY", &order, ", "),
        );
        (sql, bound)
    }

    fn run(&self, sql: &str, bound: &[Stored]) -> Result<Vec<Line>> {
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map(params_from_iter(bound), |row| self.line(row))?;
        rows.collect()
    }

    fn line(&self, row: &Row<'_>) -> Result<Line> {
        let shown = self.wanted.columns.len();
        let cells = (0..shown).map(|at| {
            let length = match row.get_ref(at * 2 + 1)? {
                ValueRef::Integer(length) => Some(length),
                _ => None,
            };
            Ok(Cell::of(row.get_ref(at * 2)?, length))
        });
        let cells = cells.collect::<Result<Vec<_>>>()?;
        let sorted = usize::from(self.wanted.sort.is_some());
        let places = shown * 2..shown * 2 + sorted + self.table.identity_sql().len();
        let place = places
            .map(|at| row.get_ref(at).map(Stored::from))
            .collect::<Result<Vec<_>>>()?;
        Ok(Line {
            cells,
            key: place.get(sorted..).unwrap_or_default().to_vec(),
            place,
        })
    }
}

/// How many rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Exactly(u64),
    MoreThan(u64),
}

/// Counts, up to a limit.
pub(crate) fn count(
    connection: &Connection,
    table: &Table,
    filters: &[Filter],
    most: u64,
) -> Result<Count> {
    let (mut conditions, mut bound) = (Vec::new(), Vec::new());
    for (sql, values) in filters.iter().map(|filter| filter.sql(table)) {
        conditions.push(format!("({sql})"));
        bound.extend(values);
    }
    let condition = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    let name = quote(&table.name);
    let most_and_one = most.saturating_add(1).min(i64::MAX as u64);
    let sql =
        format!("SELECT count(*) FROM (SELECT 1 FROM main.{name}{condition} LIMIT {most_and_one})");
    let found: i64 = connection.query_row(&sql, params_from_iter(&bound), |row| row.get(0))?;
    let found = found.unsigned_abs();
    Ok(match found > most {
        true => Count::MoreThan(most),
        false => Count::Exactly(found),
    })
}

/// The values of one row, as they are; none of those that are longer than this many bytes.
pub(crate) fn row(
    connection: &Connection,
    table: &Table,
    key: &[Stored],
    longest: usize,
) -> Result<Option<Vec<Option<Stored>>>> {
    let columns = table.columns.iter().map(|column| {
        let name = quote(&column.name);
        // No character is longer than four bytes.
        format!("CASE WHEN length({name}) > {longest} THEN NULL ELSE {name} END, ifnull(length({name}), 0) > {longest}")
    });
    let columns: Vec<String> = columns.collect();
    let mut statement = connection.prepare(&format!(
        "SELECT {} FROM main.{} WHERE {}",
        columns.join(", "),
        quote(&table.name),
        by_key(table)
    ))?;
    let mut rows = statement.query(params_from_iter(key))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let values = (0..columns.len()).map(|at| {
        let is_long: bool = row.get(at * 2 + 1)?;
        let value = row.get_ref(at * 2).map(Stored::from)?;
        Ok((!is_long).then_some(value))
    });
    values.collect::<Result<Vec<_>>>().map(Some)
}

/// The condition that is true of one row.
pub(crate) fn by_key(table: &Table) -> String {
    let keys = table.identity_sql();
    let keys: Vec<String> = keys.iter().map(|key| format!("{key} IS ?")).collect();
    keys.join(" AND ")
}
