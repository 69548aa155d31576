CREATE TABLE heirloom_history(version INTEGER PRIMARY KEY); CREATE INDEX hh ON heirloom_history(version); CREATE TABLE heirloom_log(x); CREATE TABLE z(a,b);
