SELECT rowid FROM ft WHERE ft MATCH 'hello'
