CREATE TABLE heirloom_history (
    history_table TEXT NOT NULL,
    version INTEGER NOT NULL,
    up_sql TEXT NOT NULL,
    down_sql TEXT,
    duration_ms REAL NOT NULL,
    app_version TEXT,
    backup TEXT,
    PRIMARY KEY (history_table, version)
);
CREATE TABLE heirloom_log (
    id TEXT NOT NULL,
    act TEXT NOT NULL,
    at TEXT NOT NULL,
    duration_ms REAL,
    app_version TEXT,
    version_before INTEGER,
    version INTEGER,
    migrations TEXT NOT NULL,
    backup TEXT,
    bytes INTEGER,
    sequence INTEGER NOT NULL,
    destroyed TEXT
);
CREATE INDEX hh ON heirloom_history(version);
CREATE TABLE z(a,b);
