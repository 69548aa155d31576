SELECT rowid FROM f WHERE f MATCH 'hello'
