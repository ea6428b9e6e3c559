# Makes 60,000 objects, groups them, sums and sorts them.
[range(60000) | {id: ., name: "name \(. % 977)", price: (. * 37 % 1009),
                 tags: [("t\(. % 13)"), ("u\(. % 7)")]}]
| group_by(.name)
| map({name: .[0].name, sum: (map(.price) | add),
       tags: (map(.tags[]) | unique)})
| sort_by(.sum, .name) | .[]
