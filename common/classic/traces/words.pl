# For each text: its words by how often they come, then forget it. One index of
# the rare words of all texts stays.
my %index;
for my $file (@ARGV) {
  open my $in, '<', $file or die;
  my (%count, @lines);
  while (my $line = <$in>) {
    push @lines, $line;
    $count{lc $_}++ for split /\W+/, $line;
  }
  my @order = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
  print "$file: @order[0 .. 9]\n";
  $index{$_} .= "$file " for grep { $count{$_} == 1 } @order;
}
print scalar(keys %index), " rare words\n";
