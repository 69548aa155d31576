SELECT rowid,name FROM ft; SELECT rowid FROM ft WHERE ft MATCH 'world'
