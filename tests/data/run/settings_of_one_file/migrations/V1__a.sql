UPDATE t SET a = 'y' WHERE id = 1;
PRAGMA query_only = ON;
PRAGMA reverse_unordered_selects = ON;
