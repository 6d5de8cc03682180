#!/usr/bin/perl
# An upstream by CGI: the server gives it the path, the method, and headers as variables.
use strict;
use warnings;

my $path = $ENV{PATH_INFO} // "";
my $method = $ENV{REQUEST_METHOD} // "";
my $host = $ENV{HTTP_HOST} // "";
my ($resource, $id);
if ($ENV{VIRTUAL}) { $resource = "host" }
elsif ($path eq "/exact") { $resource = "exact" }
elsif ($path =~ m{^/admin/users$}) { $resource = "admin-users" }
elsif ($path =~ m{^/admin(?:/|$)}) { $resource = "admin" }
elsif ($path =~ m{^/public(?:/|$)}) { $resource = "public" }
elsif ($path =~ m{^/reports(?:/|$)}) { $resource = "report" }
elsif ($path =~ m{^/users/([^/]+)}) { ($resource, $id) = ("user", $1) }
elsif ($path =~ m{^/items/([^/]+)}) { ($resource, $id) = ($method eq "DELETE" ? "delete-item" : "item", $1) }

# As CGI.pm reads a query: pairs end at `&` and at `;`.
my $token;
for my $pair (split /[&;]/, $ENV{QUERY_STRING} // "") {
    my ($name, $value) = map { my $text = $_; $text =~ tr/+/ /; $text =~ s/%([0-9a-f]{2})/chr hex $1/gei; $text } split /=/, $pair, 2;
    $token //= $value // "" if defined $name && $name eq "access_token";
}

sub text {
    my $text = shift;
    return "null" unless defined $text;
    $text =~ s/(["\\]|[^ -~])/sprintf "\\u%04x", ord $1/ge;
    return "\"$text\"";
}

my @seen = map { my $name = lc substr $_, 5; $name =~ tr/_/-/; text($name) . ":[" . text($ENV{$_}) . "]" } sort grep { /^HTTP_X_AUTH_/ } keys %ENV;
my $told = "{\"server\":" . text($ENV{SERVER}) . ",\"resource\":" . text($resource) . ",\"id\":" . text($id) . ",\"method\":" . text($method)
    . ",\"host\":" . text($host) . ",\"token\":" . text($token) . ",\"user\":" . text($ENV{HTTP_X_AUTH_USER_ID}) . ",\"seen\":{" . join(",", @seen) . "}}";
print "Status: ", ($resource ? "200 OK" : "404 Not Found"), "\r\nContent-Type: application/json\r\nX-Served: $told\r\n\r\n";
print $told;
