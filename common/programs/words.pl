# Makes a text by a fixed recipe, then takes it apart: words counted in hashes,
# lines split by regular expressions, records kept in nested structures.
use strict;
use warnings;

my $state = 1;
sub chance { $state = ($state * 1103515245 + 12345) % 2147483648;
             return ($state >> 8) % $_[0]; }

my @syllables = qw(ba de fi go lu ma ne pi ro su ta ve wi xo zu);
my @words = map { join '', map { $syllables[chance(15)] } 0 .. chance(4) }
    0 .. 4999;
my (%count, %follows, @records);
for my $number (1 .. 30_000) {
  my $line = join ' ', map { $words[chance(5000)] } 1 .. 12;
  my $before = '';
  for my $word (split /\s+/, $line) {
    ++$count{$word};
    push @{$follows{$before}{$word}}, $number if $number % 8 == 0;
    $before = $word;
  }
  (my $changed = $line) =~ s/\b(\w)(\w*)/\U$1\E$2/g;
  push @records, {number => $number, line => $changed,
                  long => [grep { length > 6 } split / /, $line]};
  shift @records if @records > 5000;
}
for my $word ((sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)
              [0 .. 99]) {
  my $next = $follows{$word} || {};
  printf "%-12s %6d %5d\n", $word, $count{$word}, scalar keys %$next;
}
my $length = 0;
$length += length($_->{line}) + @{$_->{long}} for @records;
print "records: ", scalar @records, ", length: $length\n";
