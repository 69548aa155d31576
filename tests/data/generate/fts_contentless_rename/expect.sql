SELECT rowid FROM g WHERE g MATCH 'hello'
