//! `inspect`: the schema of any database, described.

use std::path::Path;

use rusqlite::Connection;

use crate::inspect::description::{
    ColumnInfo, ForeignKeyInfo, Inspected, ReferenceInfo, TableInfo, TriggerInfo, ViewInfo,
    checks_of, event_of, naming, nearest, rank,
};
use crate::inspect::pragmas;
use crate::options::settings::Options;
use crate::report::error::Error;
use crate::report::remedy::Remedy;
use crate::sqlite::schema::catalog::{self, CatalogEntry, TableEntry};
use crate::sqlite::schema::nesting;
use crate::sqlite::schema::objects::{Object, ObjectKind, Schema, Table, TableKind};
use crate::sqlite::sql::name::same_name;
use crate::sqlite::{open, view};

/// Describes a database, or one table or view of it, heirloom's own and shadow tables among those
/// that can be named. Writes nothing.
pub(crate) fn inspect(
    options: &Options<'_>,
    path: &Path,
    only: Option<&str>,
) -> Result<Inspected, Error> {
    view::again_where_torn(path, || described(options, path, only))
}

fn described(options: &Options<'_>, path: &Path, only: Option<&str>) -> Result<Inspected, Error> {
    options.check_history_table()?;
    let target = open::resolve(path)?;
    let mut view = view::view_of(&target)?;
    options.set_up_to_look(&mut view.connection)?;
    let connection = &view.connection;
    let mut schema = catalog::whole_schema(connection)?;
    let entries = catalog::entries(connection)?;
    let too_nested = nesting::too_nested(&entries);
    let own_tables = options.own_tables();
    let own = |table: &str| own_tables.hold(table);
    match only {
        None => {
            schema.tables.retain(|table| !own(&table.name));
            schema.others.retain(|object| !own(&object.table));
        }
        Some(name) => check_name(&schema, name)?,
    }
    sort(&mut schema);
    let wanted = |name: &str| only.is_none_or(|only| same_name(only, name));
    let views: Vec<ViewInfo> = of_kind(&schema, ObjectKind::View)
        .map(|object| view_info(connection, &schema, &too_nested, object))
        .collect::<Result<_, _>>()?;
    let keys = schema.tables.iter().map(|table| {
        let keys = pragmas::foreign_keys(connection, &table.name)?;
        Ok((table.name.as_str(), keys))
    });
    let keys = keys.collect::<Result<Vec<_>, Error>>()?;
    let tables = schema
        .tables
        .iter()
        .filter(|table| wanted(&table.name))
        .filter(|table| only.is_some() || table.kind != TableKind::Shadow)
        .map(|table| {
            let rows = pragmas::rows(connection, &table.name, table.kind, !too_nested.is_empty())?;
            table_info(connection, &schema, &keys, &views, table, rows)
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let texts = schema
        .tables
        .iter()
        .filter(|table| only.is_some() || table.kind != TableKind::Shadow)
        .map(|table| (&table.name, &table.sql));
    let texts = texts.chain(schema.others.iter().map(|it| (&it.table, &it.sql)));
    Ok(Inspected {
        exists: target.metadata.is_some(),
        statements: texts
            .filter(|(table, _)| wanted(table))
            .map(|(_, sql)| sql.clone())
            .collect(),
        views: views
            .into_iter()
            .filter(|view| wanted(&view.name))
            .collect(),
        tables,
        database: target.path,
    })
}

/// Refuses a name that is not one, with the one that may be meant.
fn check_name(schema: &Schema, wanted: &str) -> Result<(), Error> {
    let views = of_kind(schema, ObjectKind::View).map(|view| view.name.as_str());
    let tables = schema.tables.iter().map(|table| table.name.as_str());
    let names: Vec<&str> = tables.chain(views).collect();
    if names.iter().any(|name| same_name(name, wanted)) {
        return Ok(());
    }
    let found = nearest(wanted, &names);
    let help = match found {
        Some(name) => format!("did you mean `{name}`?"),
        None => "give the name of a table or view of this database".to_owned(),
    };
    let message = format!("there is no table or view `{wanted}`");
    let error = Error::not_found(message, help);
    Err(match found {
        Some(_) => error,
        None => error.with_remedy(Remedy::ShowSchema),
    })
}

/// Into an order that only the schema decides, in which it can be executed.
fn sort(schema: &mut Schema) {
    let by_name = |name: &str| (name.to_ascii_lowercase(), name.to_owned());
    let kind = |table: &Table| table.kind != TableKind::Ordinary;
    schema
        .tables
        .sort_by_cached_key(|table| (kind(table), by_name(&table.name)));
    schema
        .others
        .sort_by_cached_key(|object| (rank(object.kind), by_name(&object.name)));
}

fn of_kind(schema: &Schema, kind: ObjectKind) -> impl Iterator<Item = &Object> {
    schema
        .others
        .iter()
        .filter(move |object| object.kind == kind)
}

fn triggers(schema: &Schema, table: &str) -> Vec<TriggerInfo> {
    of_kind(schema, ObjectKind::Trigger)
        .filter(|trigger| same_name(&trigger.table, table))
        .map(|trigger| TriggerInfo {
            name: trigger.name.clone(),
            event: event_of(&trigger.sql),
            sql: trigger.sql.clone(),
        })
        .collect()
}

/// Without columns where SQLite would not come to an end with them.
fn view_info(
    connection: &Connection,
    schema: &Schema,
    too_nested: &[&CatalogEntry],
    object: &Object,
) -> Result<ViewInfo, Error> {
    let columns = match too_nested.iter().any(|it| it.name == object.name) {
        true => Vec::new(),
        false => pragmas::columns(connection, &object.name)?,
    };
    Ok(ViewInfo {
        name: object.name.clone(),
        columns: columns.into_iter().map(|column| column.name).collect(),
        triggers: triggers(schema, &object.name),
        sql: object.sql.clone(),
    })
}

fn table_info(
    connection: &Connection,
    schema: &Schema,
    keys: &[(&str, Vec<ForeignKeyInfo>)],
    views: &[ViewInfo],
    table: &Table,
    rows: Option<u64>,
) -> Result<TableInfo, Error> {
    let Table {
        name, kind, sql, ..
    } = table;
    let columns = pragmas::columns(connection, name)?;
    let options = TableEntry::from(table).options();
    let is_virtual = *kind == TableKind::Virtual;
    Ok(TableInfo {
        rows,
        primary_key: primary_key(&columns),
        columns,
        without_rowid: options.without_rowid,
        strict: options.strict,
        module: if is_virtual {
            catalog::module_of(sql)
        } else {
            None
        },
        shadow_tables: shadow_tables(schema, name),
        checks: if is_virtual {
            Vec::new()
        } else {
            checks_of(sql)
        },
        foreign_keys: pragmas::foreign_keys(connection, name)?,
        referenced_by: referenced_by(keys, name),
        indexes: pragmas::indexes(connection, name)?,
        triggers: triggers(schema, name),
        views: naming(views.iter(), name),
        name: name.clone(),
        sql: sql.clone(),
    })
}

fn primary_key(columns: &[ColumnInfo]) -> Vec<String> {
    let mut key: Vec<_> = columns
        .iter()
        .filter_map(|column| Some((column.primary_key?, column.name.clone())))
        .collect();
    key.sort();
    key.into_iter().map(|(_, name)| name).collect()
}

/// The tables in which a virtual one keeps its rows. They begin with its name, and where two
/// names fit, they are of the longer one.
pub(crate) fn shadow_tables(schema: &Schema, of: &str) -> Vec<String> {
    let shadows = schema
        .tables
        .iter()
        .filter(|table| table.kind == TableKind::Shadow);
    shadows
        .filter(|shadow| {
            let fits = |table: &&Table| {
                let length = table.name.len();
                let begin = shadow.name.get(..length);
                table.kind == TableKind::Virtual
                    && begin.is_some_and(|begin| same_name(begin, &table.name))
                    && shadow.name[length..].starts_with('_')
            };
            let owner = schema
                .tables
                .iter()
                .filter(fits)
                .max_by_key(|table| table.name.len());
            owner.is_some_and(|owner| same_name(&owner.name, of))
        })
        .map(|shadow| shadow.name.clone())
        .collect()
}

fn referenced_by(keys: &[(&str, Vec<ForeignKeyInfo>)], table: &str) -> Vec<ReferenceInfo> {
    let mut found = Vec::new();
    for (child, keys) in keys {
        let to_it = keys.iter().filter(|key| same_name(&key.table, table));
        found.extend(to_it.map(|key| ReferenceInfo {
            table: (*child).to_owned(),
            columns: key.columns.clone(),
        }));
    }
    found
}
