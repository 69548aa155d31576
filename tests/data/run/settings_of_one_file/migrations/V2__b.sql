UPDATE t SET last = last_insert_rowid();
